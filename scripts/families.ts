// Models of the families that people deploy, written with seeded weights: each is compiled, run, compared with the plain model, and
// audited on a real EVM. `npm run test:families -- --help` lists the options; exit code 1 if anything is wrong.
import { integer } from "../cli/parse.ts";
import { GainsayError } from "../protocol/errors.ts";
import { auditProgram } from "../runtime/audit/auditProgram.ts";
import { createJudgeChain } from "../runtime/audit/createJudgeChain.ts";
import { seededInputs } from "../runtime/audit/seededInputs.ts";
import { compileModel } from "../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../runtime/hashing/createHasher.ts";
import { createInference } from "../runtime/inference/createInference.ts";
import { decodeOutput } from "../runtime/inference/decodeOutput.ts";
import { viewTyped } from "../runtime/inference/tensorTypes.ts";
import { prepareProgram } from "../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../runtime/telemetry/createLogger.ts";
import { choose, commandLine } from "./commandLine.ts";
import { families, type Family } from "./families/families.ts";

/** How far the compiled model may lie from the plain one, relative to the largest element of an output. */
const NEAR = 1e-4;

interface Result {
  name: string;
  /** Absent where the model did not compile. */
  steps?: number;
  compileMs?: number;
  sessionMs?: number;
  modelBytes?: number;
  judged?: number;
  caught?: number;
  gasMax?: number;
  /** Largest difference to the plain model, relative to the output's largest element. */
  difference?: number;
  wrong: string[];
}

const options = commandLine("npm run test:families --", "Compiles, runs and audits models of the families that people deploy; ends with 1 if anything is wrong.")
  .option("--only <text>", "those that have this in their names", "")
  .option("--samples <n>", "elements of each step that are judged", integer(1), 3)
  .option("--json", "print the results as one JSON document", false)
  .parse()
  .opts<{ only: string; samples: number; json: boolean }>();
const wanted = choose(families, (name) => name.toLowerCase().includes(options.only.toLowerCase()), "--only");
const runner = createFoldRunner();
const hasher = createHasher();
hasher.start();
const chain = await createJudgeChain();
const inference = createInference({ provider: "cpu", threads: 2, optimization: "all" }, { logger: silentLogger() });

const numbers = (data: Iterable<number | bigint>): number[] => Array.from(data, Number);

async function examine({ name, build, shapes, near = NEAR }: Family): Promise<Result> {
  const modelBytes = build();
  const result: Result = { name, modelBytes: modelBytes.length, wrong: [] };
  const compiling = performance.now();
  const bundle = await compileModel({ modelBytes, shapes: shapes ?? {} }, { runner });
  result.compileMs = Math.round(performance.now() - compiling);
  const { program } = bundle;
  result.steps = program.steps.length;
  const loading = performance.now();
  await inference.load("plain", modelBytes);
  result.sessionMs = Math.round(performance.now() - loading);
  const loaded = prepareProgram(bundle, inference, hasher);
  const inputs = seededInputs(program, 1, 2);
  const plain = await inference.run("plain", Object.fromEntries(program.inputs.map(({ name, dtype, shape }, k) => [name, { dtype, shape, bytes: inputs[k]! }])));
  const trace = await loaded.execute(inputs);
  result.difference = 0;
  program.outputs.forEach((output, k) => {
    const actual = numbers(decodeOutput(program, k, trace.tensors[output.trace]!.bytes).data);
    const expected = numbers(viewTyped(output.dtype, plain[output.name]!.bytes));
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - actual[at]!) / largest), 0);
    result.difference = Math.max(result.difference!, worst);
    if (!(worst <= near)) result.wrong.push(`the output ${output.name} differs from the plain model's by ${worst.toExponential(1)} of its largest element`);
  });
  const audit = await auditProgram(loaded, { inputs, samples: options.samples, seed: 1 }, { chain });
  const { judged, corrupted, fraudCaught, sound, gasMax } = audit.totals;
  Object.assign(result, { judged, caught: fraudCaught, gasMax });
  if (!audit.holds) result.wrong.push(`the audit does not hold: ${sound} of ${judged} honest elements sound, ${fraudCaught} of ${corrupted} false ones caught; ${audit.faults.slice(0, 2).map(({ why }) => why).join("; ")}`);
  return result;
}

const results: Result[] = [];
for (const family of wanted) {
  const result = await examine(family).catch((error: unknown): Result => ({ name: family.name, wrong: [error instanceof GainsayError ? error.message : String(error instanceof Error ? error.stack : error)] }));
  results.push(result);
  if (!options.json) {
    const { steps, compileMs, sessionMs, difference, judged, caught, gasMax } = result;
    process.stdout.write(`${result.wrong.length === 0 ? "holds" : "WRONG"}  ${result.name}: ${steps} steps, compiled in ${compileMs} ms (session ${sessionMs} ms), ${judged} sound, ${caught} caught, gas ≤ ${gasMax}, difference ${difference?.toExponential(1)}\n`);
    for (const why of result.wrong) process.stdout.write(`       ${why}\n`);
  }
}
if (options.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
await inference.stop();
await hasher.stop();
await chain.close();
runner.close();
process.exitCode = results.every(({ wrong }) => wrong.length === 0) ? 0 : 1;
