import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import type { Step } from "../../../protocol/program/types.ts";
import { Random, randomBits, styles } from "../../contracts/judge/random.ts";
import { buildOnnx, op } from "../../support/onnxBuilder.ts";
import { floatOfBits, operandOf, stepOf } from "./makeStep.ts";

const count = Number(process.env.GAINSAY_FUZZ_CASES ?? 4000);

/** Floats of every kind: any bits, the styles of the fuzz, and the range where functions are interesting. */
function arguments_(seed: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => {
    const choice = random.int(0, 3);
    if (choice === 0) return floatOfBits(random.bits());
    if (choice === 1) return floatOfBits(randomBits(random, random.pick(styles)));
    return (random.bits() / 2 ** 32 - 0.5) * (choice === 2 ? 10 : 210);
  });
}

async function run(type: string, inputs: Record<string, Float32Array>, dims: Record<string, number[]> = {}, attributes: Parameters<typeof op>[3] = {}): Promise<Float32Array> {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, dims[name] ?? [data.length]]));
  const session = await InferenceSession.create(buildOnnx({ inputs: shapes, nodes: [op(type, Object.keys(inputs), ["y"], attributes)], outputs: ["y"] }));
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, new Tensor("float32", data, shapes[name] as number[])]));
  const { y } = await session.run(feeds);
  return (y as Tensor).data as Float32Array;
}

function expectSound(step: Step, operands: readonly Float32Array[], y: Float32Array): void {
  const bits = operands.map((data) => new Uint32Array(data.buffer));
  const claimed = new Uint32Array(y.buffer, y.byteOffset, y.length);
  for (let e = 0; e < y.length; e++) {
    const verdict = judgeElement(step, (operand, element) => (bits[operand] as Uint32Array)[element] as number, e, claimed[e] as number);
    if (!verdict.fraud) continue;
    const seen = operands.map((data) => data[data.length === y.length ? e : 0]);
    expect.fail(`element ${e}: ${y[e]} of ${seen} is outside of [${floatOfBits(verdict.lo)}, ${floatOfBits(verdict.hi)}], NaN ${verdict.nan}`);
  }
}

describe("kernels of ONNX Runtime are never convicted", () => {
  it.each([["Exp", 0x23], ["Log", 0x24], ["Tanh", 0x25], ["Erf", 0x26], ["Sigmoid", 0x27], ["Sqrt", 0x22], ["Relu", 0x30], ["Neg", 0x20], ["Abs", 0x21], ["Floor", 0x40], ["Ceil", 0x41], ["Round", 0x42], ["Sign", 0x44], ["Sin", 0x52], ["Cos", 0x53]])("%s", async (type, opcode) => {
    const x = arguments_(opcode);
    const step = stepOf(2, [x.length], [], [operandOf(2, x.length, { outStrides: [1] })], [0x01, 0, opcode]);
    expectSound(step, [x], await run(type, { x }));
  });

  it.each([["Add", 0x10], ["Sub", 0x11], ["Mul", 0x12], ["Div", 0x13], ["Max", 0x14], ["Min", 0x15], ["Pow", 0x51]])("%s", async (type, opcode) => {
    const [a, b] = [arguments_(opcode), arguments_(opcode + 100)];
    const value = operandOf(2, a.length, { outStrides: [1] });
    expectSound(stepOf(2, [a.length], [], [value, value], [0x01, 0, 0x01, 1, opcode]), [a, b], await run(type, { a, b }));
  });

  it.each(styles)("MatMul of %s values", async (style) => {
    const random = new Random(9);
    const [m, k, n] = [17, 70, 19];
    const fill = (length: number) => Float32Array.from({ length }, () => floatOfBits(randomBits(random, style)));
    const [a, b] = [fill(m * k), fill(k * n)];
    const step = stepOf(1, [m, n], [k], [operandOf(0, m * k, { outStrides: [k, 0], reduceStrides: [1] }), operandOf(0, k * n, { outStrides: [0, 1], reduceStrides: [n] })]);
    expectSound(step, [a, b], await run("MatMul", { a, b }, { a: [m, k], b: [k, n] }));
  });

  it.each(styles)("means and sums of %s values", async (style) => {
    const random = new Random(11);
    const [rows, k] = [40, 37];
    const x = Float32Array.from({ length: rows * k }, () => floatOfBits(randomBits(random, style)));
    const step = (code: number) => stepOf(3, [rows], [k], [operandOf(0, rows * k, { outStrides: [k], reduceStrides: [1] })], [], code);
    expectSound(step(4), [x], await run("GlobalAveragePool", { x }, { x: [1, rows, k] }));
    // A product with ones is a sum.
    expectSound(step(3), [x], await run("MatMul", { x, ones: new Float32Array(k).fill(1) }, { x: [rows, k], ones: [k] }));
  });

  it.each(styles)("MaxPool of %s values", async (style) => {
    const random = new Random(10);
    const x = Float32Array.from({ length: 9 * 64 }, () => floatOfBits(randomBits(random, style)));
    const windows = [0, 1].map((dim) => ({ outDim: dim + 1, reduceDim: dim, stride: 2, dilation: 1, pad: 1, size: 8 }));
    const step = stepOf(3, [9, 4, 4], [3, 3], [operandOf(0, x.length, { offset: -9, outStrides: [64, 16, 2], reduceStrides: [8, 1], windows })], [], 1);
    expectSound(step, [x], await run("MaxPool", { x }, { x: [1, 9, 8, 8] }, { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, pads: { ints: [1, 1, 0, 0] } }));
  });
});
