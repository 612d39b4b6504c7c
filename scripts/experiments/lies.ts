// Lies are caught: tells the judge every lie of `lies/listLies.ts` about many images, flips bits, and attacks inside the bounds.
// `npm run experiment:lies -- --help` lists the options; docs/experiments/lies.md explains the tables.
import { writeFileSync } from "node:fs";
import { toJson } from "../../cli/output.ts";
import { integer } from "../../cli/parse.ts";
import { digitStream } from "../../models/digits/dataset.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { commandLine, listOf } from "../commandLine.ts";
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

const options = commandLine("npm run experiment:lies --", "Tells the judge every kind of lie about many images, flips bits, and attacks inside the bounds.")
  .option("--models <names>", "models, separated by commas", listOf(subjects.map(({ name }) => name)), ["digits", "mnist"])
  .option("--images <n>", "images that are attacked", integer(1), 200)
  .option("--lie-images <n>", "images that each lie is told about", integer(1), 50)
  .option("--markdown <file>", "also write the tables of docs/experiments/lies.md")
  .option("--json", "print the results as one JSON document", false)
  .parse()
  .opts<{ models: string[]; images: number; lieImages: number; markdown?: string; json: boolean }>();
const { images: count, lieImages } = options;
const stream = digitStream(IMAGE_SEED);
const images = Array.from({ length: count }, () => [new Uint8Array(Float32Array.from(stream.next().value.image).buffer)]);
const backEnds = listBackEnds({});
const backEnd = backEnds[0] as BackEnd;
const optimised = backEnds.find(({ setup }) => setup.optimization === "all") as BackEnd;

const runner = createFoldRunner();
const results: LiesResults[] = [];
for (const subject of subjects.filter(({ name }) => options.models.includes(name))) {
  const { name } = subject;
  try {
    const { bundle } = await compileSubject(subject, runner);
    const honest = await recordTraces(bundle, images, backEnd);
    const say = (words: string): void => void process.stderr.write(`${name}: ${words}\n`);
    const lies = await tellLies(bundle, images.slice(0, lieImages), honest.slice(0, lieImages), backEnd, listLies(bundle), (lie) => say(`${lie.name}: ${lie.failure ?? `${lie.caught} of ${lie.inputs} caught`}`));
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
if (options.markdown !== undefined) writeFileSync(options.markdown, liesReport(results));
console.log(options.json ? toJson(results.map(({ program, ...rest }) => ({ ...rest, nodes: program.nodes }))) : liesReport(results));
process.exit(0);
