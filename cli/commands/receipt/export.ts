import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import type { TensorSpec } from "../../../protocol/program/types.ts";
import { checkReceipt, type Receipt } from "../../../protocol/receipt/receipt.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { readJobEvents } from "../../../runtime/chain/reads/readJobEvents.ts";
import { action } from "../../action.ts";
import { findInputRoots } from "../../jobInputs.ts";
import { loadOutputs, programOf, requireFinal, standingCommitment } from "../../jobOutputs.ts";
import { toJson } from "../../output.ts";
import { duration, id } from "../../parse.ts";
import { peerFlag } from "../../peerFlag.ts";
import { openPeers } from "../../peers.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay receipt export JOB` */
export function exportReceiptCommand(shell: Shell): Command {
  return new Command("export")
    .description("write the receipt of a final job: a JSON document that anybody can verify, with the output in it")
    .argument("<job>", "number of the job", id)
    .option("--out <file>", "file to write (default: standard output)")
    .addOption(peerFlag())
    .option("--peer-timeout <time>", "time to look for peers that have the output before it is computed again, in seconds or with a unit", duration, 12)
    .action(
      action(shell, async (context, jobId: bigint, options: { out?: string; peer?: string[]; peerTimeout: number }) => {
        const { output, progress } = context;
        const chain = await context.chain();
        const job = await getJob(chain, jobId);
        requireFinal(job, false);
        const commitment = await standingCommitment(chain, job);
        const finalized = (await readJobEvents(chain, jobId)).findLast(({ name }) => name === "Finalized");
        if (finalized === undefined) throw new GainsayError("The chain says that the job is final, but has no event of it; ask another RPC endpoint.", { code: "CHAIN_EVENT_MISSING", retryable: true, details: { jobId } });
        const program = await programOf(context, job);
        const outputs = await loadOutputs(context, job, program, commitment.args.outputRoots, { peers: options.peer ?? [], peerTimeout: options.peerTimeout });
        const peers = options.peer === undefined ? undefined : await openPeers(context, { peers: options.peer, listen: false });
        const inputRoots = await findInputRoots(context, job, program, peers);
        if (inputRoots === undefined) throw new GainsayError("Nobody was found who has the roots of the job's inputs; name an executor with --peer, or use the home that submitted the job.", { code: "INPUT_UNAVAILABLE", retryable: true, details: { jobId, inputRoot: job.inputRoot } });
        progress.end();
        const receipt: Receipt = {
          format: "gainsay.receipt.1",
          chainId: chain.deployment.chainId,
          jobs: chain.deployment.contracts.jobs,
          jobId: jobId.toString(),
          attempt: commitment.args.attempt,
          executor: commitment.args.executor,
          committedIn: commitment.transactionHash,
          finalizedIn: finalized.transactionHash,
          programRoot: job.programRoot,
          header: program.header,
          inputRoot: job.inputRoot,
          traceRoot: commitment.args.traceRoot,
          outputRoot: commitment.args.outputRoot,
          inputs: program.inputs.map((spec, i) => ({ ...plain(spec), root: inputRoots[i] as `0x${string}` })),
          outputs: program.outputs.map((spec, k) => ({ ...plain(spec), root: outputs[k]?.root as `0x${string}`, bytes: Buffer.from(outputs[k]?.bytes ?? []).toString("base64") })),
        };
        const broken = checkReceipt(receipt).find(({ holds }) => !holds);
        if (broken !== undefined) throw new GainsayError(`The receipt would not hold: it is not so that ${broken.name}.`, { code: "RECEIPT_INVALID", kind: "verification", details: { check: broken.name } });
        if (options.out === undefined) return output.result(receipt, [toJson(receipt)]);
        await writeFile(options.out, `${toJson(receipt)}\n`).catch((cause: unknown) => {
          throw new GainsayError(`The file ${options.out} cannot be written; check its folder and permissions.`, { code: "FILE_NOT_WRITABLE", kind: "usage", details: { file: options.out, reason: (cause as NodeJS.ErrnoException).code }, cause });
        });
        output.result({ jobId, file: options.out, receipt }, [`wrote the receipt of job ${jobId} to ${options.out}`]);
      }),
    );
}

function plain({ name, dtype, shape }: TensorSpec): TensorSpec {
  return { name, dtype, shape };
}
