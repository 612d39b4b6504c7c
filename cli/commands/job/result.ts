import { Command } from "commander";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { decodeOutput } from "../../../runtime/inference/decodeOutput.ts";
import { action } from "../../action.ts";
import { describeOutput, type OutputSummary } from "../../describeOutput.ts";
import { loadOutputs, programOf, requireFinal, standingCommitment } from "../../jobOutputs.ts";
import { pairs, table } from "../../output.ts";
import { duration, id } from "../../parse.ts";
import { peerFlag } from "../../peerFlag.ts";
import type { Shell } from "../../shell.ts";
import { writeOutput } from "../../writeOutput.ts";

interface ResultOptions {
  provisional?: boolean;
  out?: string;
  peer?: string[];
  peerTimeout: number;
}

/** `gainsay job result ID` */
export function resultCommand(shell: Shell): Command {
  return new Command("result")
    .description("get the output of a final job, from this home, from peers or by computing it again, checked against the chain")
    .argument("<id>", "number of the job", id)
    .option("--out <file>", "write the output to this .npy or .json file (default: print it)")
    .option("--provisional", "take the output of a commitment that can still be disputed (default: refuse)")
    .addOption(peerFlag())
    .option("--peer-timeout <time>", "time to look for peers that have the output before it is computed again, in seconds or with a unit", duration, 12)
    .action(
      action(shell, async (context, jobId: bigint, options: ResultOptions) => {
        const { output, progress } = context;
        const chain = await context.chain();
        const job = await getJob(chain, jobId);
        requireFinal(job, options.provisional === true);
        const { outputRoots } = (await standingCommitment(chain, job)).args;
        const program = await programOf(context, job);
        const committed = await loadOutputs(context, job, program, outputRoots, { peers: options.peer ?? [], peerTimeout: options.peerTimeout });
        progress.end();
        const decoded = committed.map(({ bytes }, k) => decodeOutput(program, k, bytes));
        if (options.out !== undefined) await writeOutput(options.out, decoded);
        const outputs = decoded.map((item, k) => ({ ...describeOutput(item), root: committed[k]?.root, source: committed[k]?.source }));
        const label = outputs.find((item) => item.label !== null)?.label ?? null;
        output.result({ jobId, status: job.status, attempt: job.attempt, executor: job.executor, label, outputRoot: job.outputRoot, outputs, file: options.out ?? null }, [
          ...pairs([["job", `${jobId}, ${job.status}${job.status === "final" ? "" : " (provisional: can still be disputed)"}`], ["executor", job.executor], ["label", label === null ? undefined : String(label)], ["file", options.out]]),
          ...outputs.flatMap((item) => ["", `${item.name} ${item.dtype} [${item.shape.join(",")}], ${sourceTexts[item.source ?? "local"]}, root ${item.root}`, ...valueLines(item, options.out !== undefined)]),
        ]);
      }),
    );
}

const sourceTexts = { local: "kept from before", peers: "fetched from a peer", recomputed: "computed again here" } as const;

function valueLines({ top, values }: OutputSummary, written: boolean): string[] {
  if (top.length > 0) return table(["index", "value"], top.map(({ index, value }) => [String(index), String(value)]));
  if (written) return [];
  if (values === null || values.length > 64) return [...(values === null ? [] : [values.slice(0, 16).join(" ") + " …"]), "write all of it with --out FILE.npy or FILE.json"];
  return [values.join(" ")];
}
