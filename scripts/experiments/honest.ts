// Honest is never slashed: records traces of the models on as many different executions as there are tools for, and lets the
// judge look at every step of each. `node scripts/experiments/honest.ts --help` lists the options; docs/experiments/honest.md
// explains them.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { GainsayError } from "../../protocol/errors.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { toJson } from "../../cli/output.ts";
import { listBackEnds, type Tools } from "./backEnds.ts";
import { examineBackEnd, type Examination, type Known } from "./examineBackEnd.ts";
import { quickLimits, thoroughLimits } from "./examineStep.ts";
import { honestReport } from "./honestReport.ts";
import { compileSubject, subjects, type Compiled } from "./subjects.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const { values } = parseArgs({
  options: {
    models: text, "back-ends": text, json: flag, thorough: flag, markdown: text, help: flag,
    "ort-web": text, "qemu-x86": text, "qemu-arm64": text, "node-arm64": text, "libs-arm64": text, webgpu: flag, cuda: flag,
  },
});
if (values.help === true) {
  console.log('node scripts/experiments/honest.ts [--models "A;B"] [--back-ends "A;B"] [--ort-web FOLDER] [--webgpu] [--cuda]\n  [--qemu-x86 FILE] [--qemu-arm64 FILE --node-arm64 FILE --libs-arm64 FOLDER] [--thorough] [--markdown FILE] [--json]');
  process.exit(0);
}
const tools: Tools = {
  ...(values["ort-web"] === undefined ? {} : { ortWeb: values["ort-web"] }),
  ...(values["qemu-x86"] === undefined ? {} : { qemuX86: values["qemu-x86"] }),
  ...(values["qemu-arm64"] === undefined ? {} : { qemuArm64: values["qemu-arm64"] }),
  ...(values["node-arm64"] === undefined ? {} : { nodeArm64: values["node-arm64"] }),
  ...(values["libs-arm64"] === undefined ? {} : { libsArm64: values["libs-arm64"] }),
  webgpu: values.webgpu === true,
  cuda: values.cuda === true,
};
// Names of back ends have commas in them.
const wanted = (list: string | undefined, name: string): boolean => list === undefined || list.split(";").some((part) => name.toLowerCase().includes(part.trim().toLowerCase()));
const backEnds = listBackEnds(tools).filter(({ name }) => wanted(values["back-ends"], name));

const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node.js ${process.version}`;
const runner = createFoldRunner();
const examinations: Examination[] = [];
const missing: { model: string; reason: string }[] = [];
for (const subject of subjects.filter(({ name }) => wanted(values.models, name))) {
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
    const examination = await examineBackEnd(compiled, backEnd, known, values.thorough === true ? thoroughLimits : quickLimits);
    examinations.push(examination);
    const { looked, fraud, largest, failure, differing } = examination;
    process.stderr.write(`${subject.name} · ${backEnd.name}: ${failure ?? `${looked} elements, ${differing} differ, largest margin ${largest.toPrecision(3)}, ${fraud} fraud`} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
    // Each time, because a full run takes long.
    if (values.markdown !== undefined) writeFileSync(values.markdown, honestReport({ machine, examinations, missing }));
  }
}
runner.close();

const report = { machine, examinations, missing };
if (values.json === true) process.stdout.write(`${toJson(report)}\n`);
else console.log(honestReport(report));
process.exit(examinations.some(({ fraud, named }) => fraud > 0 && !named) ? 3 : 0);
