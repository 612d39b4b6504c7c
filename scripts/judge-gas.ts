// Gas of one verdict, by the judge's contracts on a chain in this process: `node scripts/judge-gas.ts [--json] [K …]`, after
// `hardhat build`. One transaction to `Judge`; calldata and base cost are included.
import { zeroHash } from "viem";
import type { Dtype, Operand, Step, Window } from "../protocol/program/types.ts";
import { commitCase } from "../test/contracts/judge/commitCase.ts";
import { createChainJudge } from "../test/contracts/judge/createChainJudge.ts";
import { Random, randomElements, type Style } from "../test/contracts/judge/random.ts";
import { step } from "../test/contracts/judge/randomCase.ts";
import { words } from "../test/contracts/judge/randomKinds.ts";

const json = process.argv.includes("--json");
const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
const sizes = asked.length > 0 ? asked : [64, 576, 1024, 3072, 28_672];

const chain = await createChainJudge();
const rows: Record<string, number | string>[] = [];
for (const [label, style] of [["dot", "tame"], ["dot, half zeros", "relu"], ["dot, any exponent", "wide"]] as [string, Style][]) {
  for (const k of sizes) rows.push(await measure(label, k, style, dot(k)));
}
for (const [label, dtype] of [["float16 dot", 10], ["bfloat16 dot", 16]] as [string, Dtype][]) {
  for (const k of sizes) rows.push(await measure(label, k, "tame", halfDot(k, dtype)));
}
for (const [side, channels] of [[5, 1], [3, 8], [3, 64], [1, 256]] as const) {
  rows.push(await measure(`conv ${side}×${side}×${channels}`, side * side * channels, "relu", convolution(side, channels)));
}
rows.push(await measure("conv 3×3×8, bias and relu", 72, "relu", convolution(3, 8, [0x01, 0, 0x30])));
rows.push(await measure("matmul, right side not transposed", 64, "tame", untransposed(64)));
rows.push(await measure("matmul through a two-stage view", 64, "tame", staged(64)));
rows.push(await measure("max pool 2×2", 4, "tame", pool()));
rows.push(await measure("map: gelu", 1, "tame", gelu()));
for (const k of [64, 1024, 4608, 28_672]) rows.push(await measure("int8 dot with zero points, requantised", k, "tame", bytesDot(k)));
rows.push(await measure("int8 conv 3×3×64", 576, "tame", typedFactors(convolution(3, 64), 2, 3)));
for (const k of [64, 1024]) rows.push(await measure("softmax", k, "tame", softmax(k, 1)));
rows.push(await measure("log-softmax", 1024, "tame", softmax(1024, 2)));
for (const k of [49, 1024]) rows.push(await measure("mean", k, "tame", step(3, 4, [4], [k], [operand(0, 4 * k, { outStrides: [k], reduceStrides: [1] })])));
rows.push(await measure("index of the largest", 1000, "tame", argMax(1000)));
rows.push(await measure("gather from 1000 rows of 64", 1, "tame", gather()));
rows.push(await measure("concatenation of two", 1, "tame", concatenation()));
await chain.close();
if (json) console.log(JSON.stringify(rows));
else console.table(rows);

async function measure(label: string, k: number, style: Style, made: Step) {
  const random = new Random(k);
  const operands = made.operands.map(({ elements, dtype }, i) => randomElements(random, elements, dtype, i === 1 && style === "relu" ? "tame" : style));
  const element = Math.floor(made.result.shape.reduce((a, b) => a * b, 1) / 2);
  const { claim, witness } = commitCase({ label, step: made, operands, element }, 0x3f800000, random);
  const data = chain.encode(claim, witness);
  const hash = await chain.provider.request({ method: "eth_sendTransaction", params: [{ from: chain.from, to: chain.address, data, gas: "0xffffff" }] });
  const receipt = (await chain.provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as { gasUsed: string; status: string };
  if (Number(receipt.status) !== 1) throw new Error(`The judge refused the case: ${label}, K = ${k}.`);
  const gas = Number(receipt.gasUsed);
  const bytes = Buffer.from(data.slice(2), "hex");
  const zeros = bytes.filter((byte) => byte === 0).length;
  // EIP-7623: a transaction pays at least this.
  const floor = 21_000 + 10 * (zeros + (bytes.length - zeros) * 4);
  return { step: label, K: k, bytes: bytes.length, gas, floor, "gas a term": Math.round(gas / k) };
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

/** x · ½ · (1 + erf(x / √2)). */
function gelu(): Step {
  const made = step(2, 0, [64], [], [operand(2, 64, { outStrides: [1] })]);
  const constant = (hex: string) => [0x02, ...Buffer.from(hex, "hex")];
  made.expression = Uint8Array.from([0x01, 0, ...constant("3f000000"), 0x12, 0x01, 0, ...constant("3f3504f3"), 0x12, 0x26, ...constant("3f800000"), 0x10, 0x12]);
  return made;
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
