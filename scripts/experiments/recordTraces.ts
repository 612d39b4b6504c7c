import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GainsayError } from "../../protocol/errors.ts";
import { traceName } from "../../protocol/lowering/graphNames.ts";
import { tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import type { CompiledModel } from "../../protocol/lowering/compiledModel.ts";
import type { BackEnd } from "./backEnds.ts";
import type { Job } from "./runGraph.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("./runGraph.ts", import.meta.url));

/**
 * The committed bytes of every trace tensor, one list for each set of inputs, as the back end computes the traced graph.
 * Throws `BACK_END_FAILED` with the last words of a process that did not succeed.
 */
export async function recordTraces(compiled: CompiledModel, given: readonly (readonly Uint8Array[])[], backEnd: BackEnd, timeoutMs = 300_000): Promise<Uint8Array[][]> {
  const folder = await mkdtemp(path.join(tmpdir(), "gainsay-backend-"));
  try {
    const { program } = compiled;
    const outputs = program.trace.map((_, index) => traceName(index));
    const job: Job = { setup: backEnd.setup, inputs: program.inputs, outputs, runs: given.length };
    await writeFile(path.join(folder, "graph.onnx"), tracedGraph(compiled));
    await writeFile(path.join(folder, "job.json"), JSON.stringify(job));
    for (const [r, inputs] of given.entries()) for (const [k, bytes] of inputs.entries()) await writeFile(path.join(folder, `in-${r}-${k}.bin`), bytes);
    const [file, ...leading] = backEnd.command;
    await run(file as string, [...leading, script, folder], { timeout: timeoutMs, maxBuffer: 2 ** 24 }).catch((cause: Error & { stderr?: string; signal?: string }) => {
      const words = (cause.stderr ?? "").trim().split("\n").filter((line) => /error|fail|signal|cannot/i.test(line)).at(-1) ?? cause.signal ?? "no message";
      throw new GainsayError(`The back end ${backEnd.name} did not run the graph: ${words.trim().slice(0, 300)}`, { code: "BACK_END_FAILED", details: { backEnd: backEnd.name }, cause });
    });
    return await Promise.all(given.map((_, r) => Promise.all(outputs.map(async (__, k) => new Uint8Array(await readFile(path.join(folder, `${r}-${k}.bin`)))))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
