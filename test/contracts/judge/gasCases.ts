import { zeroHash } from "viem";
import type { Dtype, Operand, Step, Window } from "../../../protocol/program/types.ts";
import { commitCase } from "./commitCase.ts";
import type { ChainJudge } from "./createChainJudge.ts";
import { Random, randomElements, type Style } from "./random.ts";
import { step } from "./randomCase.ts";
import { words } from "./randomKinds.ts";

/** A step whose verdict's gas is of interest. */
export interface GasCase {
  label: string;
  /** Taps, or 1. */
  terms: number;
  style: Style;
  step: Step;
}

/** What one verdict costs: one transaction to `Judge`, base cost and calldata included. */
export interface GasRow {
  bytes: number;
  gas: number;
  /** What EIP-7623 makes a transaction with this calldata pay at least. */
  floor: number;
}

/** The table of docs/judge.md §7. */
export function gasCases(): GasCase[] {
  const of = (label: string, terms: number, made: Step, style: Style = "tame"): GasCase => ({ label, terms, style, step: made });
  return [
    ...[64, 576, 1024, 1536, 2304, 3072, 28_672].map((k) => of("dot", k, dot(k))),
    ...[1024, 1536, 3072, 28_672].map((k) => of("dot, half zeros", k, dot(k), "relu")),
    of("dot, any exponent", 3072, dot(3072), "wide"),
    of("dot, subnormals and infinities", 3072, dot(3072), "special"),
    of("dot, subnormals", 28_672, dot(28_672), "tiny"),
    of("float16 dot", 3072, halfDot(3072, 10)),
    of("bfloat16 dot", 3072, halfDot(3072, 16)),
    of("conv 3×3×64", 576, convolution(3, 64), "relu"),
    of("conv 3×3×8, bias and relu", 72, convolution(3, 8, [0x01, 0, 0x30]), "relu"),
    of("conv 1×1×256", 256, convolution(1, 256), "relu"),
    of("conv 5×5×1", 25, convolution(5, 1), "relu"),
    of("matmul, right side not transposed", 64, untransposed(64)),
    of("matmul through a two-stage view", 64, staged(64)),
    ...[64, 1024, 4608, 5120, 28_672].map((k) => of("int8 dot, zero points, requantised", k, bytesDot(k))),
    of("int8 conv 3×3×64", 576, typedFactors(convolution(3, 64), 2, 3)),
    ...[64, 1024].map((k) => of("softmax", k, softmax(k, 1))),
    of("log-softmax", 1024, softmax(1024, 2)),
    of("mean (layer norm)", 1024, step(3, 4, [4], [1024], [operand(0, 4096, { outStrides: [1024], reduceStrides: [1] })])),
    of("argmax", 1000, argMax(1000)),
    of("max pool 2×2", 4, pool()),
    of("map: gelu", 1, map(1, gelu)),
    of("map: gelu by tanh", 1, map(1, [...slot(0), ...float(0.5), MUL, ...slot(0), ...slot(0), MUL, ...slot(0), MUL, ...float(0.044715), MUL, ...slot(0), ADD, ...float(0.7978846), MUL, 0x25, ...float(1), ADD, MUL])),
    of("map: silu", 1, map(1, [...slot(0), ...slot(0), 0x27, MUL])),
    of("map: hardswish", 1, map(1, [...slot(0), ...slot(0), ...float(1 / 6), MUL, ...float(0.5), ADD, ...float(0), 0x14, ...float(1), 0x15, MUL])),
    of("map: requantisation", 1, map(1, [...slot(0), ...float(0.02), DIV, 0x42, ...float(3), ADD, ...float(0), 0x14, ...float(255), 0x15, ...float(3), SUB, ...float(0.02), MUL])),
    of("map: layer norm, division by the deviation", 1, map(2, [...slot(0), ...slot(1), ...float(1e-5), ADD, 0x22, DIV])),
    of("map: layer norm, scale and shift", 1, map(3, [...slot(0), ...slot(1), MUL, ...slot(2), ADD])),
    of("map: residual", 1, map(2, [...slot(0), ...slot(1), ADD])),
    of("full chunks, map: gelu", 1, map(1, gelu, 64)),
    of("full chunks, map: residual", 1, map(2, [...slot(0), ...slot(1), ADD], 64)),
    of("gather", 1, gather()),
    of("concatenation of two", 1, concatenation()),
  ];
}

/** Sends the verdict on the middle element as a transaction; throws if the judge refuses it. */
export async function measureGas(chain: ChainJudge, { label, terms, style, step: made }: GasCase): Promise<GasRow> {
  const random = new Random(terms);
  const operands = made.operands.map(({ elements, dtype }, i) => randomElements(random, elements, dtype, i === 1 && style === "relu" ? "tame" : style));
  const element = Math.floor(made.result.shape.reduce((a, b) => a * b, 1) / 2);
  const { claim, witness } = commitCase({ label, step: made, operands, element }, 0x3f800000, random);
  const data = chain.encode(claim, witness);
  const hash = await chain.provider.request({ method: "eth_sendTransaction", params: [{ from: chain.from, to: chain.address, data, gas: "0xffffff" }] });
  const receipt = (await chain.provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as { gasUsed: string; status: string };
  if (Number(receipt.status) !== 1) throw new Error(`The judge refused the case: ${label}, ${terms} terms.`);
  const bytes = Buffer.from(data.slice(2), "hex");
  const zeros = bytes.filter((byte) => byte === 0).length;
  return { bytes: bytes.length, gas: Number(receipt.gasUsed), floor: 21_000 + 10 * (zeros + (bytes.length - zeros) * 4) };
}

const [ADD, SUB, MUL, DIV] = [0x10, 0x11, 0x12, 0x13];

function slot(i: number): number[] {
  return [0x01, i];
}

function float(value: number): number[] {
  return [0x02, ...new Uint8Array(Float32Array.of(value).buffer).reverse()];
}

/** x · ½ · (1 + erf(x / √2)). */
const gelu = [...slot(0), ...float(0.5), MUL, ...slot(0), ...float(Math.SQRT1_2), MUL, 0x26, ...float(1), ADD, MUL];

/** Elementwise over a tensor of a quarter of a chunk, or of 16 chunks. */
function map(values: number, expression: number[], rows = 1): Step {
  const made = step(2, 0, [rows, 64], [], Array.from({ length: values }, () => operand(2, 64 * rows, { outStrides: [64, 1] })));
  made.expression = Uint8Array.from(expression);
  return made;
}

/** A row of 4 outputs, weights with the contracted axis last, one bias. */
function dot(k: number): Step {
  return step(1, 0, [4], [k], [operand(0, k, { outStrides: [0], reduceStrides: [1] }), operand(0, 4 * k, { outStrides: [k], reduceStrides: [1] }), operand(1, 4, { outStrides: [1] })]);
}

/** A row of 4 outputs of a half type, with a bias in the formula. */
function halfDot(k: number, dtype: Dtype): Step {
  const made = dot(k);
  for (const operand of made.operands) operand.dtype = dtype;
  (made.operands[2] as Operand).role = 2;
  made.profile = 2;
  made.result.dtype = dtype;
  made.expression = Uint8Array.from([0x01, 0, 0x5a, dtype, 0x01, 1, 0x02, 0x3f, 0x80, 0, 0, 0x58, 0x38, 0x80, 0, 0, 0x12, 0x10, 0x5a, dtype]);
  return made;
}

/** Channels-last, padded, 16×16 with 8 filters and a bias. */
function convolution(side: number, channels: number, expression: number[] = []): Step {
  const pad = (side - 1) / 2;
  const row = 16 * channels;
  const window = (dim: number): Window => ({ outDim: dim, reduceDim: dim, stride: 1, dilation: 1, pad, size: 16 });
  const taps = side * side * channels;
  const made = step(1, 0, [16, 16, 8], [side, side, channels], [
    operand(0, 16 * row, { offset: -pad * (row + channels), outStrides: [row, channels, 0], reduceStrides: [row, channels, 1], windows: [window(0), window(1)] }),
    operand(0, 8 * taps, { outStrides: [0, 0, taps], reduceStrides: [side * channels, channels, 1] }),
    operand(1, 8, { outStrides: [0, 0, 1] }),
  ]);
  made.expression = Uint8Array.from(expression);
  return made;
}

function untransposed(k: number): Step {
  return step(1, 0, [4, 4], [k], [operand(0, 4 * k, { outStrides: [k, 0], reduceStrides: [1] }), operand(0, 4 * k, { outStrides: [0, 1], reduceStrides: [4] })]);
}

/** Both factors through a view that takes one of four heads out of rows. */
function staged(k: number): Step {
  const factor = (o: number[]): Operand => operand(0, 16 * k, { outStrides: o, reduceStrides: [1], stages: [{ offset: 0, shape: [4, 4, k], strides: [k, 4 * k, 1] }] });
  return step(1, 0, [4, 4], [k], [factor([k, 0]), factor([0, k])]);
}

function pool(): Step {
  return step(3, 1, [8, 8, 8], [2, 2], [operand(0, 16 * 16 * 8, { outStrides: [256, 16, 1], reduceStrides: [128, 8] })]);
}

/** uint8 by int8 with an int32 bias, scaled, rounded, shifted and saturated to uint8. */
function bytesDot(k: number): Step {
  const made = typedFactors(dot(k), 2, 3);
  made.result.dtype = 2;
  made.attributes = words([128n, 0n]);
  made.expression = Uint8Array.from([0x01, 0, 0x02, 0x3a, 0x83, 0x12, 0x6f, 0x12, 0x42, 0x02, 0x43, 0, 0, 0, 0x10, 0x02, 0, 0, 0, 0, 0x14, 0x02, 0x43, 0x7f, 0, 0, 0x15]);
  return made;
}

function typedFactors(made: Step, first: Dtype, second: Dtype): Step {
  made.operands.forEach((operand, i) => (operand.dtype = i === 0 ? first : i === 1 ? second : 6));
  made.result.dtype = 6;
  return made;
}

function softmax(k: number, op: number): Step {
  return step(4, op, [4, k], [k], [operand(0, 4 * k, { outStrides: [k, 0], reduceStrides: [1] }), operand(2, 4 * k, { outStrides: [k, 1] })]);
}

function argMax(k: number): Step {
  const made = step(3, 6, [4], [k], [operand(0, 4 * k, { outStrides: [k], reduceStrides: [1] })]);
  made.result.dtype = 7;
  return made;
}

function gather(): Step {
  const made = step(5, 0, [16, 64], [], [{ ...operand(0, 16, { outStrides: [1, 0] }), dtype: 7 }, operand(0, 64_000, { outStrides: [0, 1] })]);
  made.attributes = words([64n, 1000n]);
  return made;
}

function concatenation(): Step {
  const side = (pad: number): Operand => operand(2, 32 * 64, { offset: -pad * 64, outStrides: [64, 1], windows: [{ outDim: 0, reduceDim: 255, stride: 1, dilation: 0, pad, size: 32 }] });
  return step(6, 0, [64, 64], [], [side(0), side(32)]);
}

function operand(role: Operand["role"], elements: number, access: Partial<Operand["access"]>): Operand {
  return { role, dtype: 1, source: 2, index: 0, root: zeroHash, elements, access: { offset: 0, outStrides: [], reduceStrides: [], windows: [], stages: [], ...access } };
}
