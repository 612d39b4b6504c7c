// Gas of one verdict, by the judge's contracts on a chain in this process: `node scripts/judge-gas.ts [--json] [K …]`, after
// `hardhat build`. One transaction to `Judge`; calldata and base cost are included.
import { zeroHash } from "viem";
import type { Operand, Step, Window } from "../protocol/program/types.ts";
import { commitCase } from "../test/contracts/judge/commitCase.ts";
import { createChainJudge } from "../test/contracts/judge/createChainJudge.ts";
import { Random, randomTensor, type Style } from "../test/contracts/judge/random.ts";
import { step } from "../test/contracts/judge/randomCase.ts";

const json = process.argv.includes("--json");
const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
const sizes = asked.length > 0 ? asked : [64, 576, 1024, 3072, 28_672];

const chain = await createChainJudge();
const rows: Record<string, number | string>[] = [];
for (const [label, style] of [["dot", "tame"], ["dot, half zeros", "relu"], ["dot, any exponent", "wide"]] as [string, Style][]) {
  for (const k of sizes) rows.push(await measure(label, k, style, dot(k)));
}
for (const [side, channels] of [[5, 1], [3, 8], [3, 64], [1, 256]] as const) {
  rows.push(await measure(`conv ${side}×${side}×${channels}`, side * side * channels, "relu", convolution(side, channels)));
}
rows.push(await measure("conv 3×3×8, bias and relu", 72, "relu", convolution(3, 8, [0x01, 0, 0x30])));
rows.push(await measure("matmul, right side not transposed", 64, "tame", untransposed(64)));
rows.push(await measure("matmul through a two-stage view", 64, "tame", staged(64)));
rows.push(await measure("max pool 2×2", 4, "tame", pool()));
rows.push(await measure("map: gelu", 1, "tame", gelu()));
await chain.close();
if (json) console.log(JSON.stringify(rows));
else console.table(rows);

async function measure(label: string, k: number, style: Style, made: Step) {
  const random = new Random(k);
  const operands = made.operands.map(({ elements }, i) => randomTensor(random, elements, i === 1 && style === "relu" ? "tame" : style));
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

function operand(role: Operand["role"], elements: number, access: Partial<Operand["access"]>): Operand {
  return { role, dtype: 1, source: 2, index: 0, root: zeroHash, elements, access: { offset: 0, outStrides: [], reduceStrides: [], windows: [], stages: [], ...access } };
}
