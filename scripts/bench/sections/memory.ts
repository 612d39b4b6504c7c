import { writeFile } from "node:fs/promises";
import path from "node:path";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { inFolder } from "../inFolder.ts";
import { runProcess } from "../processes/report.ts";
import type { BenchContext, Section } from "../section.ts";
import type { Subject } from "../subjects.ts";

const RUNS = 20;
/** How much more memory than ONNX Runtime alone an executor may take, besides a constant. */
const FACTOR = 1.5;

export interface ModelMemory {
  model: string;
  /** Resident bytes of a process that has ONNX Runtime and the model, and nothing else. */
  plain: number;
  /** Of an executor's parts: its own process and the inference process. */
  daemon: number;
  inference: number;
}

/** Resident memory of what serves a model. */
export const memory: Section<ModelMemory[]> = {
  name: "memory",
  title: "Memory",
  about: `Resident MiB after ${RUNS} runs, at a start whose graphs are kept. plain: a process with ONNX Runtime alone, which loads the model from its file · daemon and inference process: what an executor needs to run and commit, without network and chain. constant: what the two take beyond ${FACTOR} times plain.`,
  async measure(context) {
    const measured: ModelMemory[] = [];
    for (const subject of context.subjects) {
      context.note(`memory: ${subject.name}`);
      measured.push(await measureMemory(subject, context));
    }
    return measured;
  },
  tables: (measured) => [
    {
      caption: "",
      header: ["model", "plain", "daemon", "inference process", "both", "constant"],
      rows: measured.map(({ model, plain, daemon, inference }) => [model, ...[plain, daemon, inference, daemon + inference, daemon + inference - FACTOR * plain].map((bytes) => (bytes / 2 ** 20).toFixed(0))]),
    },
  ],
};

/** Memory of one model. */
export async function measureMemory(subject: Subject, context: Pick<BenchContext, "bundle" | "threads">): Promise<ModelMemory> {
  return inFolder(async (folder) => {
    const file = path.join(folder, "plain.onnx");
    await writeFile(file, subject.plainBytes);
    const bundle = path.join(folder, "bundle");
    await writeBundle(bundle, await context.bundle(subject, "block"));
    const [threads, runs, compiled] = [String(context.threads), String(RUNS), path.join(folder, "compiled")];
    const kept = path.join(folder, "kept");
    // The first start makes the graphs, the second runs them as every later one does.
    await runProcess("servingProcess.ts", [bundle, threads, "0", kept], compiled);
    const plain = await runProcess("plainProcess.ts", [file, threads, runs], compiled);
    const serving = await runProcess("servingProcess.ts", [bundle, threads, runs, kept], compiled);
    const [daemon = Number.NaN, ...children] = serving.resident;
    return { model: subject.name, plain: plain.resident[0] ?? Number.NaN, daemon, inference: children.reduce((a, b) => a + b, 0) };
  });
}
