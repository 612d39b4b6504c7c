// Honest is never slashed: records traces of the models on as many different executions as there are tools for, and lets the
// judge look at every step of each. `node scripts/experiments/honest.ts --help` lists the options; docs/experiments/honest.md
// explains them.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { GainsayError } from "../../protocol/errors.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { toJson } from "../../cli/output.ts";
import { choose, commandLine, list } from "../commandLine.ts";
import { listBackEnds, type Tools } from "./backEnds.ts";
import { examineBackEnd, type Examination, type Known } from "./examineBackEnd.ts";
import { quickLimits, thoroughLimits } from "./examineStep.ts";
import { honestReport } from "./honestReport.ts";
import { compileSubject, subjects, type Compiled } from "./subjects.ts";

const parts = (text: string): string[] => list(text, ";").map((part) => part.toLowerCase());
const options = commandLine("npm run experiment:honest --", "Records traces of the models on different back ends, and lets the judge look at every step of each.")
  .option("--models <parts>", "models that have one of these parts in their names, separated by semicolons", parts)
  .option("--back-ends <parts>", "back ends that have one of these parts in their names, separated by semicolons", parts)
  .option("--ort-web <folder>", "ONNX Runtime Web, for WebAssembly and WebGPU")
  .option("--qemu-x86 <file>", "emulator of processors that have fewer instructions")
  .option("--qemu-arm64 <file>", "emulator of arm64; needs --node-arm64 and --libs-arm64")
  .option("--node-arm64 <file>", "Node.js for arm64")
  .option("--libs-arm64 <folder>", "libraries for arm64")
  .option("--webgpu", "also the package's WebGPU provider", false)
  .option("--cuda", "also the package's CUDA provider", false)
  .option("--thorough", "more elements of each step", false)
  .option("--markdown <file>", "also write the report of docs/experiments/honest.md, after each back end")
  .option("--json", "print the report as one JSON document", false)
  .parse()
  .opts<Tools & { models?: string[]; backEnds?: string[]; thorough: boolean; markdown?: string; json: boolean }>();
const isWanted = (some: string[] | undefined) => (name: string): boolean => some?.some((part) => name.toLowerCase().includes(part)) ?? true;
const backEnds = choose(listBackEnds(options), isWanted(options.backEnds), "--back-ends");

const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node.js ${process.version}`;
const runner = createFoldRunner();
const examinations: Examination[] = [];
const missing: { model: string; reason: string }[] = [];
for (const subject of choose(subjects, isWanted(options.models), "--models")) {
  let compiled: Compiled;
  try {
    compiled = await compileSubject(subject, runner);
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    missing.push({ model: subject.name, reason: error.message });
    process.stderr.write(`${subject.name}: ${error.message}\n`);
    continue;
  }
  for (const { name, reason } of compiled.refused) missing.push({ model: `${subject.name}, branch ${name}`, reason });
  const known: Known = { verdicts: new Map(), reference: undefined };
  for (const backEnd of backEnds) {
    const started = performance.now();
    const examination = await examineBackEnd(compiled, backEnd, known, options.thorough ? thoroughLimits : quickLimits);
    examinations.push(examination);
    const { looked, fraud, largest, failure, differing } = examination;
    process.stderr.write(`${subject.name} · ${backEnd.name}: ${failure ?? `${looked} elements, ${differing} differ, largest margin ${largest.toPrecision(3)}, ${fraud} fraud`} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
    // Each time, because a full run takes long.
    if (options.markdown !== undefined) writeFileSync(options.markdown, honestReport({ machine, examinations, missing }));
  }
}
runner.close();

const report = { machine, examinations, missing };
if (options.json) process.stdout.write(`${toJson(report)}\n`);
else console.log(honestReport(report));
process.exit(examinations.some(({ fraud, named }) => fraud > 0 && !named) ? 3 : 0);
