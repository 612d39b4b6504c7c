// Lies are caught: tells the judge every lie of `lies/listLies.ts` about many images, flips bits, and attacks inside the bounds.
// `node scripts/experiments/lies.ts [--models digits,mnist] [--images 200] [--lie-images 50] [--markdown FILE] [--json]`;
// docs/experiments/lies.md explains the tables.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { toJson } from "../../cli/output.ts";
import { digitStream } from "../../models/digits/dataset.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { listBackEnds, type BackEnd } from "./backEnds.ts";
import { attackBounds } from "./lies/attackBounds.ts";
import { flipBits } from "./lies/flipBits.ts";
import { listLies } from "./lies/listLies.ts";
import { liesReport, type LiesResults } from "./lies/liesReport.ts";
import { tellLies } from "./lies/tellLies.ts";
import { openTrace } from "./openTrace.ts";
import { recordTraces } from "./recordTraces.ts";
import { compileSubject, subjects } from "./subjects.ts";

/** A stream of its own, of images that no model was trained on. */
const IMAGE_SEED = 5_061_997;

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { models: { ...text, default: "digits,mnist" }, images: { ...text, default: "200" }, "lie-images": { ...text, default: "50" }, markdown: text, json: { type: "boolean", default: false } } });
const count = Number(values.images);
const stream = digitStream(IMAGE_SEED);
const images = Array.from({ length: count }, () => [new Uint8Array(Float32Array.from(stream.next().value.image).buffer)]);
const backEnds = listBackEnds({});
const backEnd = backEnds[0] as BackEnd;
const optimised = backEnds.find(({ setup }) => setup.optimization === "all") as BackEnd;

const runner = createFoldRunner();
const results: LiesResults[] = [];
for (const name of values.models.split(",")) {
  const subject = subjects.find((one) => one.name === name);
  if (subject === undefined) throw new GainsayError(`There is no model ${name}; choose among ${subjects.map((one) => one.name).join(", ")}.`, { code: "MODEL_UNKNOWN", kind: "usage" });
  try {
    const { bundle } = await compileSubject(subject, runner);
    const honest = await recordTraces(bundle, images, backEnd);
    const say = (words: string): void => void process.stderr.write(`${name}: ${words}\n`);
    const lies = await tellLies(bundle, images.slice(0, Number(values["lie-images"])), honest.slice(0, Number(values["lie-images"])), backEnd, listLies(bundle), (lie) => say(`${lie.name}: ${lie.failure ?? `${lie.caught} of ${lie.inputs} caught`}`));
    const bits = flipBits(images.slice(0, 4).map((inputs, i) => openTrace(bundle, inputs, honest[i] as Uint8Array[])), 64, 1);
    say("bits flipped");
    const attack = await attackBounds(bundle, images, honest, await recordTraces(bundle, images, optimised), Math.min(150, count));
    say(`attack: ${attack.flips} of ${attack.inputs} answers changed`);
    results.push({ model: name, program: bundle.program, lies, bits, attack });
  } catch (error) {
    if (!(error instanceof GainsayError) || error.code !== "MODEL_MISSING") throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
  }
}
runner.close();
if (values.markdown !== undefined) writeFileSync(values.markdown, liesReport(results));
console.log(values.json ? toJson(results.map(({ program, ...rest }) => ({ ...rest, nodes: program.nodes }))) : liesReport(results));
process.exit(0);
