import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import { findModel as findRegistered } from "../../../runtime/chain/reads/getModel.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import type { Job } from "../../../runtime/chain/types.ts";
import { action } from "../../action.ts";
import { findModel } from "../../models.ts";
import { pairs } from "../../output.ts";
import { amount, duration, ether, repeated, time } from "../../parse.ts";
import { openPeers, peerFlag } from "../../peers.ts";
import { readInputs } from "../../readInputs.ts";
import { serveInputs } from "../../serveInputs.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";
import { createTensorFiles } from "../../tensorFiles.ts";
import { waitForJob } from "../../waitForJob.ts";

/** Inputs up to this many bytes travel in the transaction: `Jobs.MAX_INPUT_BYTES`. */
const MAX_INPUT_BYTES = 65_536;

interface SubmitOptions {
  input: string[];
  shape?: [string, number[]][];
  fee: bigint;
  collateral?: bigint;
  claimWindow?: number;
  deliveryWindow?: number;
  challengeWindow?: number;
  peer?: string[];
  wait?: boolean;
}

/** `gainsay job submit MODEL --input NAME=FILE` */
export function submitCommand(shell: Shell): Command {
  return new Command("submit")
    .description("pay for one inference; inputs over 64 KiB are served to peers until an executor has claimed the job")
    .argument("<model>", "program root (or its first digits), folder of a bundle, or ONNX file")
    .requiredOption("--input <name=file>", "input tensor: .npy, .pb, .json, .png or .jpg; once for each input; the name may be left out if there is one", repeated((text) => text))
    .addOption(shapeFlag())
    .option("--fee <amount>", "what the executor gets, in ether, or with a unit wei, gwei, ether (default 0.01)", amount, 10n ** 16n)
    .option("--collateral <amount>", "what the executor must lock, in ether or with a unit (default: the deployment's minimum)", amount)
    .option("--claim-window <time>", "time for an executor to claim the job, in seconds or with a unit s, m, h, d (default 1h, within the deployment's bounds)", duration)
    .option("--delivery-window <time>", "time from the claim to the result, in seconds or with a unit (default 10m, within the deployment's bounds)", duration)
    .option("--challenge-window <time>", "time in which the result can be disputed, in seconds or with a unit (default 60, within the deployment's bounds)", duration)
    .addOption(peerFlag())
    .option("--wait", "wait until the job is final or cancelled (default: return when it is submitted)")
    .action(
      action(shell, async (context, model: string, options: SubmitOptions) => {
        const { output, progress, signal } = context;
        const { bundle } = await findModel(context, model, { shapes: Object.fromEntries(options.shape ?? []), store: true });
        const { program } = bundle;
        const inputs = await readInputs(program, options.input, output.note);
        const chain = await context.chain();
        if ((await findRegistered(chain, program.root)) === undefined) {
          throw new GainsayError(`The program is not registered on this chain; run \`gainsay model register ${program.root}\` first.`, { code: "PROGRAM_NOT_REGISTERED", kind: "usage", details: { programRoot: program.root } });
        }
        const { limits } = await getParameters(chain);
        const inputRoot = await createTensorFiles(context.paths.jobs).writeInputs(inputs);
        const total = inputs.reduce((sum, { length }) => sum + length, 0);
        const large = total > MAX_INPUT_BYTES;
        const submission = {
          programRoot: program.root,
          inputRoot,
          fee: options.fee,
          collateral: options.collateral ?? limits.minCollateral,
          claimWindow: options.claimWindow ?? clamp(3600, limits.minClaimWindow, limits.maxClaimWindow),
          deliveryWindow: options.deliveryWindow ?? clamp(600, limits.minDeliveryWindow, limits.maxDeliveryWindow),
          challengeWindow: options.challengeWindow ?? clamp(60, limits.minChallengeWindow, limits.maxChallengeWindow),
          ...(large ? {} : { input: new Uint8Array(Buffer.concat(inputs)) }),
        };
        const sender = await context.sender();
        const peers = large ? await openPeers(context, { peers: options.peer ?? [], listen: true }) : undefined;
        progress.update("submitting the job");
        const { jobId, deadline, receipt } = await submitJob(sender, submission, { signal });
        progress.end();
        output.note(`submitted job ${jobId}`);
        let job: Job | undefined;
        if (peers !== undefined) {
          const stop = await serveInputs(context, peers, jobId, inputs);
          // With --wait they are served to the end: after a conviction another executor needs them.
          job = await waitForJob(context, chain, jobId, ({ status }) => (options.wait === true ? isOver(status) : status !== "open")).finally(stop);
        } else if (options.wait === true) {
          job = await waitForJob(context, chain, jobId, ({ status }) => isOver(status));
        }
        progress.end();
        const { input: _, ...asked } = submission;
        output.result(
          { jobId, status: job?.status ?? "open", attempt: job?.attempt ?? 1, ...asked, inputBytes: total, inputTravels: large ? "off chain" : "in the transaction", deadline, requester: sender.address, transaction: receipt.transactionHash },
          pairs([
            ["job", String(jobId)],
            ["status", job?.status ?? "open"],
            ["program", program.root],
            ["input", `${inputRoot}, ${total} bytes ${large ? "served to peers" : "in the transaction"}`],
            ["fee", ether(submission.fee)],
            ["collateral", ether(submission.collateral)],
            ["claim until", time(deadline)],
            ["transaction", receipt.transactionHash],
          ]),
        );
      }),
    );
}

function isOver(status: Job["status"]): boolean {
  return status === "final" || status === "cancelled";
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
