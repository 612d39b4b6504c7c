import { Command, Option } from "commander";
import type { Address } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import { findModel as findRegistered } from "../../../runtime/chain/reads/getModel.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import type { Job, Parameters } from "../../../runtime/chain/types.ts";
import { parseTarget } from "../../../runtime/network/addresses.ts";
import { action } from "../../action.ts";
import { amount, unitsOf, type Amount } from "../../amount.ts";
import { findModel } from "../../models.ts";
import { chooseOffer, collectOffers, priceOf, type Preference } from "../../offers.ts";
import { pairs } from "../../output.ts";
import { address, duration, integer, repeated, time } from "../../parse.ts";
import { peerFlag } from "../../peerFlag.ts";
import { openPeers } from "../../peers.ts";
import { readInputs } from "../../readInputs.ts";
import { serveInputs } from "../../serveInputs.ts";
import { granularityFlag } from "../../granularityFlag.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";
import { createTensorFiles } from "../../tensorFiles.ts";
import { waitForJob } from "../../waitForJob.ts";

/** Inputs up to this many bytes travel in the transaction: `Jobs.MAX_INPUT_BYTES`. */
const MAX_INPUT_BYTES = 65_536;
/** `Jobs.MAX_CALLBACK_GAS`. */
const MAX_CALLBACK_GAS = 5_000_000;

/** wei for a job that is meant for nobody in particular. */
const DEFAULT_FEE = amount("0.01");

interface SubmitOptions {
  input: string[];
  shape?: [string, number[]][];
  granularity: Granularity;
  fee?: Amount;
  executor?: string;
  prefer?: Preference;
  reserve: number;
  listenFor: number;
  collateral?: Amount;
  claimWindow?: number;
  deliveryWindow?: number;
  challengeWindow?: number;
  consumer?: Address;
  callbackGas?: number;
  peer?: string[];
  wait?: boolean;
}

/** `gainsay job submit MODEL --input NAME=FILE` */
export function submitCommand(shell: Shell): Command {
  return new Command("submit")
    .description("pay for one inference; inputs over 64 KiB, and those of a job meant for one executor, are served to peers until the job is committed")
    .argument("<model>", "program root (or its first digits), folder of a bundle, or ONNX file")
    .requiredOption("--input <name=file>", "input tensor: .npy, .pb, .json, .png or .jpg; once for each input; the name may be left out if there is one", repeated((text) => text))
    .addOption(shapeFlag())
    .addOption(granularityFlag())
    .option("--fee <amount>", "what the executor gets, in ether, or coins of the deployment's token, or with a unit wei, gwei, ether (default: what the chosen executor asks, or else 0.01)", amount)
    .option("--executor <account>", "mean the job for this executor, by address or key name: only it is given the input (default: anybody)")
    .addOption(new Option("--prefer <what>", "mean the job for the executor with the lowest price, or the shortest round trip, among the offers heard (default: anybody)").choices(["price", "latency"]).conflicts("executor"))
    .option("--reserve <time>", "how long only the chosen executor is given the input, in seconds or with a unit; then everybody is (default 1m)", duration, 60)
    .option("--listen-for <time>", "how long to listen for offers, in seconds or with a unit (default 5s)", duration, 5)
    .option("--collateral <amount>", "what the executor must lock, in ether, or like the fee (default: the least that the deployment allows for the fee)", amount)
    .option("--claim-window <time>", "time for an executor to claim the job, in seconds or with a unit s, m, h, d (default 1h, within the deployment's bounds)", duration)
    .option("--delivery-window <time>", "time from the claim to the result, in seconds or with a unit (default 10m, within the deployment's bounds)", duration)
    .option("--challenge-window <time>", "time in which the result can be disputed, in seconds or with a unit (default 60, within the deployment's bounds)", duration)
    .option("--consumer <address>", "contract that `job deliver` tells the final result (default: none)", address)
    .option("--callback-gas <gas>", "gas that the consumer is given for it (default 200000 with --consumer)", integer(1, MAX_CALLBACK_GAS))
    .addOption(peerFlag())
    .option("--wait", "wait until the job is final or cancelled (default: return when it is submitted, or committed where its input is served to peers)")
    .action(
      action(shell, async (context, model: string, options: SubmitOptions) => {
        const { output, progress, signal } = context;
        const { bundle } = await findModel(context, model, { shapes: Object.fromEntries(options.shape ?? []), granularity: options.granularity, store: true });
        const { program } = bundle;
        const inputs = await readInputs(program, options.input, output.note);
        const chain = await context.chain();
        const asset = await context.asset();
        const given = { fee: options.fee === undefined ? undefined : unitsOf(options.fee, asset), collateral: options.collateral === undefined ? undefined : unitsOf(options.collateral, asset) };
        const defaultFee = unitsOf(DEFAULT_FEE, asset);
        if ((await findRegistered(chain, program.root)) === undefined) {
          throw new GainsayError(`The program is not registered on this chain; run \`gainsay model register ${program.root}\` first.`, { code: "PROGRAM_NOT_REGISTERED", kind: "usage", details: { programRoot: program.root } });
        }
        const { limits } = await getParameters(chain);
        const inputRoot = await createTensorFiles(context.paths.jobs).writeInputs(inputs);
        const total = inputs.reduce((sum, { length }) => sum + length, 0);
        const large = total > MAX_INPUT_BYTES;
        const wanted = options.executor === undefined && options.prefer === undefined ? undefined : { executor: options.executor === undefined ? undefined : await context.addressOf(options.executor), prefer: options.prefer };
        const offChain = large || wanted !== undefined;
        const peers = offChain ? await openPeers(context, { peers: options.peer ?? [], listen: true }) : undefined;
        const collateral = given.collateral ?? leastCollateral(given.fee ?? defaultFee, limits);
        const chosen =
          peers === undefined || wanted === undefined
            ? undefined
            : chooseOffer(await collectOffers(context, peers, { program: program.root, seconds: options.listenFor, until: wanted.executor }), { program: program.root, collateral, fee: given.fee, asset, ...wanted });
        const fee = given.fee ?? (chosen === undefined ? defaultFee : priceOf(chosen, program.root)) ?? defaultFee;
        const submission = {
          programRoot: program.root,
          inputRoot,
          fee,
          collateral: given.collateral ?? leastCollateral(fee, limits),
          claimWindow: options.claimWindow ?? clamp(3600, limits.minClaimWindow, limits.maxClaimWindow),
          deliveryWindow: options.deliveryWindow ?? clamp(600, limits.minDeliveryWindow, limits.maxDeliveryWindow),
          challengeWindow: options.challengeWindow ?? clamp(60, limits.minChallengeWindow, limits.maxChallengeWindow),
          consumer: options.consumer,
          callbackGas: options.callbackGas ?? (options.consumer === undefined ? undefined : 200_000),
          ...(offChain ? {} : { input: new Uint8Array(Buffer.concat(inputs)) }),
        };
        const sender = await context.sender();
        progress.update("submitting the job");
        const { jobId, deadline, receipt } = await submitJob(sender, submission, { signal });
        progress.end();
        output.note(`submitted job ${jobId}`);
        let job: Job | undefined;
        if (peers !== undefined) {
          const served = await serveInputs(context, peers, jobId, inputs, chosen?.offer.providers.map((address) => String(parseTarget(address).peer)));
          const release = setTimeout(() => served.openToAll(), options.reserve * 1000);
          const isClaimed = ({ status }: Job): boolean => status !== "open";
          try {
            job = await waitForJob(context, chain, jobId, isClaimed);
            if (chosen !== undefined && job.executor?.toLowerCase() !== chosen.executor.toLowerCase()) output.note(`The job was claimed by ${job.executor ?? "nobody"}, not by ${chosen.executor}.`);
            served.openToAll();
            // Whoever claimed may have to fetch them again. With --wait they are served to the end: after a conviction another executor needs them.
            job = await waitForJob(context, chain, jobId, ({ status }) => isOver(status) || (status === "committed" && options.wait !== true));
          } finally {
            clearTimeout(release);
            served.stop();
          }
        } else if (options.wait === true) {
          job = await waitForJob(context, chain, jobId, ({ status }) => isOver(status));
        }
        progress.end();
        const { input: _, ...asked } = submission;
        output.result(
          { jobId, status: job?.status ?? "open", attempt: job?.attempt ?? 1, ...asked, inputBytes: total, executor: job?.executor ?? null, meantFor: chosen?.executor ?? null, inputTravels: offChain ? "off chain" : "in the transaction", deadline, requester: sender.address, transaction: receipt.transactionHash },
          pairs([
            ["job", String(jobId)],
            ["status", job?.status ?? "open"],
            ["program", program.root],
            ["input", `${inputRoot}, ${total} bytes ${offChain ? "served to peers" : "in the transaction"}`],
            ["meant for", chosen?.executor],
            ["fee", formatAmount(submission.fee, asset)],
            ["collateral", formatAmount(submission.collateral, asset)],
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

function leastCollateral(fee: bigint, { minCollateral, collateralPerFee }: Parameters["limits"]): bigint {
  const least = fee * BigInt(collateralPerFee);
  return least > minCollateral ? least : minCollateral;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
