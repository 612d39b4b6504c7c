// `node scripts/bench/conviction.ts`: how long a dispute takes on a development chain, from the finding to the verdict.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LogLine } from "../../cli/commands/demo/createStage.ts";
import { table, toJson } from "../../cli/output.ts";
import { granularities, type Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import { storeBundle } from "../../runtime/bundle/storeBundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { commandLine, exitOnSignals, listOf } from "../commandLine.ts";
import { openRing } from "./devnet/openRing.ts";
import { dtypeName } from "../../runtime/inference/tensorTypes.ts";
import type { TensorSpec } from "../../protocol/program/types.ts";
import { seededBytes } from "./seededBytes.ts";
import { readSubjects, subjectNames, type Subject } from "./subjects.ts";

/** Milliseconds after which a case is given up. */
const PATIENCE_MS = 180_000;

export interface Conviction {
  model: string;
  granularity: Granularity;
  /** Seconds from the commitment to the finding: the watcher's poll, its own execution, and the check. */
  detection: number;
  /** Seconds from the finding to the opened dispute, and from there to the verdict. The age that a seal must have is in the latter. */
  opening: number;
  verdict: number;
  /** Gas of the refutation. */
  gas: number;
}

/** One executor that answers each job falsely and one watcher, as processes of their own; jobs one after another. */
export async function measureConvictions(subjects: readonly Subject[], note: (text: string) => void): Promise<Conviction[]> {
  const ring = await openRing(note);
  const files = await mkdtemp(path.join(tmpdir(), "gainsay-inputs-"));
  const runner = createFoldRunner();
  try {
    const { stage } = ring.theatre;
    await ring.theatre.as("executor-2", ["stake", "deposit", "80"]);
    const cases: { subject: Subject; granularity: Granularity; root: string; inputs: string[] }[] = [];
    for (const subject of subjects) {
      for (const granularity of granularities) {
        note(`compiling ${subject.name}, ${granularity}`);
        const bundle = await compileModel({ modelBytes: subject.modelBytes, shapes: subject.shapes, granularity }, { runner });
        const { root, inputs } = bundle.program;
        await storeBundle(path.join(String(stage.env["GAINSAY_HOME"]), "bundles"), bundle);
        // The first one is compiled like this by the theatre already.
        if (root !== ring.theatre.programRoot) await ring.theatre.as("requester", ["model", "register", root]);
        const written: string[] = [];
        for (const [i, spec] of inputs.entries()) {
          const file = path.join(files, `${root}-${i}.npy`);
          await writeFile(file, npy(spec));
          written.push(`${spec.name}=${file}`);
        }
        cases.push({ subject, granularity, root, inputs: written });
      }
    }
    const times = new Map<string, { at: number; line: LogLine }>();
    const record = (line: LogLine): void => void (times.has(String(line.message)) || times.set(String(line.message), { at: performance.now(), line }));
    await ring.start("executor", "executor-2", ["--misbehave", "answer", "--polling-interval-ms", "200"], record);
    await ring.start("watcher", "watcher-1", ["--patience", "5", "--max-daily-spend", "1000", "--polling-interval-ms", "200"], record);
    const measured: Conviction[] = [];
    for (const { subject, granularity, root, inputs } of cases) {
      note(`${subject.name}, ${granularity}`);
      times.clear();
      await ring.theatre.as("requester", ["job", "submit", root, ...inputs.flatMap((input) => ["--input", input]), "--fee", "0.01", "--collateral", "1", "--claim-window", "600", "--delivery-window", "300", "--challenge-window", "120"]);
      const at = async (...messages: string[]): Promise<{ at: number; line: LogLine }> => {
        for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
          for (const message of messages) if (times.has(message)) return times.get(message) as { at: number; line: LogLine };
        }
        throw new Error(`${subject.name}, ${granularity}: nobody said "${messages.join('" or "')}", but ${[...times.keys()].join(", ")}`);
      };
      const [committed, found] = [await at("result committed"), await at("fraud found")];
      const opened = await at("dispute opened with a sealed refutation", "dispute opened about the inside of a block");
      const convicted = await at("executor convicted");
      const seconds = (from: { at: number }, to: { at: number }): number => (to.at - from.at) / 1000;
      measured.push({ model: subject.name, granularity, detection: seconds(committed, found), opening: seconds(found, opened), verdict: seconds(opened, convicted), gas: Number(convicted.line["gas"]) });
    }
    return measured;
  } finally {
    runner.close();
    await ring.close();
    await rm(files, { recursive: true, force: true });
  }
}

export function convictionLines(measured: readonly Conviction[]): string[] {
  return table(
    ["model", "granularity", "committed to found", "found to opened", "opened to verdict", "found to verdict", "gas of the refutation"],
    measured.map(({ model, granularity, detection, opening, verdict, gas }) => [model, granularity, ...[detection, opening, verdict, opening + verdict].map((seconds) => `${seconds.toFixed(2)} s`), String(gas)]),
  );
}

/** A seeded input as NumPy writes it, version 1.0 of the format. */
function npy(spec: TensorSpec): Uint8Array {
  const name = dtypeName(spec.dtype);
  const descr = { float32: "<f4", int64: "<i8", int32: "<i4" }[name as string];
  if (descr === undefined) throw new Error(`no input of type ${name} is written`);
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${spec.shape.join(", ")},), }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, padded.length & 0xff, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded), seededBytes(spec)]);
}

if (import.meta.main) {
  const options = commandLine("node scripts/bench/conviction.ts", "Measures how long a dispute takes on a development chain, from the finding to the verdict.")
    .option("--model <names>", "models, separated by commas (default: all that are there)", listOf(subjectNames))
    .option("--json", "print the measurements as one JSON document", false)
    .parse()
    .opts<{ model?: string[]; json: boolean }>();
  exitOnSignals();
  const { subjects } = await readSubjects();
  const measured = await measureConvictions(subjects.filter(({ name }) => options.model?.includes(name) ?? true), (text) => void process.stderr.write(`${text}\n`));
  process.stdout.write(options.json ? `${toJson(measured)}\n` : `${convictionLines(measured).join("\n")}\n`);
  process.exit(0);
}
