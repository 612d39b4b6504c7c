import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commitShape, cutInputName, cutOutputName } from "../../../protocol/lowering/graphNames.ts";
import { checkGraph, tracedGraph } from "../../../protocol/lowering/tracedGraph.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { decodeOutput } from "../../../runtime/inference/decodeOutput.ts";
import { executeTraced } from "../../../runtime/inference/traceExecution.ts";
import type { TensorBytes } from "../../../runtime/inference/types.ts";
import { readInput } from "../../../runtime/inputs/readInput.ts";

const folder = path.resolve(import.meta.dirname, "../../../models/digits");
const modelBytes = new Uint8Array(readFileSync(path.join(folder, "digits.onnx")));
const quiet = () => undefined;
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
const hasher = createHasher({ threads: 1 });
let bundle: Bundle;

beforeAll(async () => {
  const runner = createFoldRunner();
  bundle = await compileModel({ modelBytes }, { runner });
  runner.close();
  hasher.start();
  await inference.load("plain", modelBytes);
  await inference.load("traced", tracedGraph(bundle));
});
afterAll(async () => {
  await inference.stop();
  await hasher.stop();
});

function floatsOf({ bytes }: { bytes: Uint8Array }): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** The largest difference relative to the largest number. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const largest = Array.from(a).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0) / largest;
}

describe("a compiled model, from picture to output", () => {
  it.each([0, 3, 8])("gives for the picture of a %i what the plain model gives, and recognises it", async (digit) => {
    const { program } = bundle;
    const input = program.inputs[0]!;
    const { bytes } = await readInput(input, path.join(folder, "samples", `${digit}.png`));
    const trace = await executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [bytes] });
    const output = decodeOutput(program, 0, trace.tensors[trace.outputs[0]!]!.bytes);
    const plain = (await inference.run("plain", { [input.name]: { dtype: input.dtype, shape: input.shape, bytes } }))[output.name]!;
    expect(output.shape).toEqual(plain.shape);
    const expected = floatsOf(plain);
    expect(difference(expected, output.data as Float32Array)).toBeLessThan(1e-5);
    const scores = Array.from(output.data as Float32Array);
    expect(scores.indexOf(Math.max(...scores))).toBe(digit);
  });

  it("runs the check graph, which takes the committed tensors that steps read as inputs", async () => {
    const { program } = bundle;
    const { bytes } = await readInput(program.inputs[0]!, path.join(folder, "samples", "5.png"));
    const trace = await executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [bytes] });
    const { inputs } = await inference.load("check", checkGraph(bundle));
    const feeds: Record<string, TensorBytes> = { [program.inputs[0]!.name]: { ...program.inputs[0]!, bytes } };
    program.trace.forEach((tensor, i) => (feeds[cutInputName(i)] = { dtype: tensor.dtype, shape: commitShape(tensor), bytes: trace.tensors[i]!.bytes }));
    delete feeds[cutInputName(program.trace.length - 1)];
    expect(inputs.map(({ name }) => name).sort()).toEqual(Object.keys(feeds).sort());
    const results = await inference.run("check", feeds);
    program.trace.forEach((_, i) => {
      const again = floatsOf(results[cutOutputName(i)]!);
      expect(difference(again, floatsOf(trace.tensors[i]!))).toBeLessThan(1e-5);
    });
  });
});
