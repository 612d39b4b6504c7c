// Gas of one verdict on a float32 dot product of K terms, by the judge's contracts on a chain in this process:
// `node scripts/judge-gas.ts [--json] [K …]`, after `hardhat build`.
import { createChainJudge } from "../test/contracts/judge/createChainJudge.ts";
import { commitCase } from "../test/contracts/judge/commitCase.ts";
import { Random, randomTensor, type Style } from "../test/contracts/judge/random.ts";
import { step } from "../test/contracts/judge/randomCase.ts";
import type { Operand } from "../protocol/program/types.ts";
import { zeroHash, type Hex } from "viem";

const json = process.argv.includes("--json");
const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
const sizes = asked.length > 0 ? asked : [64, 576, 1024, 3072, 28_672];

const chain = await createChainJudge();
const rows: Record<string, number | string>[] = [];
for (const [label, style] of [["dense", "tame"], ["half zeros", "relu"], ["any exponent", "wide"]] as [string, Style][]) {
  for (const k of sizes) rows.push({ data: label, K: k, ...(await measure(k, style)) });
}
await chain.close();
if (json) console.log(JSON.stringify(rows));
else console.table(rows);

/** A row of 4 outputs, weights with the contracted axis last, one bias; the element is in the middle. */
async function measure(k: number, style: Style) {
  const random = new Random(k);
  const factor = (elements: number, outStride: number): Operand => operand(0, elements, outStride, [1]);
  const operands = [factor(k, 0), factor(4 * k, k), operand(1, 4, 1, [])];
  const made = { label: "", step: step(1, 0, [4], [k], operands), operands: operands.map(({ elements }, i) => randomTensor(random, elements, i === 1 && style === "relu" ? "tame" : style)), element: 2 };
  const { claim, witness } = commitCase(made, 0x3f800000, random);
  const data = chain.encode(claim, witness);
  const gas = Number(await chain.provider.request({ method: "eth_estimateGas", params: [{ from: chain.from, to: chain.address, data, gas: "0xffffff" }] }));
  const bytes = Buffer.from(data.slice(2), "hex");
  const zeros = bytes.filter((byte) => byte === 0).length;
  const calldata = zeros * 4 + (bytes.length - zeros) * 16;
  // EIP-7623: a transaction pays at least this.
  const floor = 21_000 + 10 * (zeros + (bytes.length - zeros) * 4);
  return { bytes: bytes.length, gas, floor, execution: gas - 21_000 - calldata, "gas a term": Math.round(gas / k), "execution a term": Math.round((gas - 21_000 - calldata) / k) };
}

function operand(role: 0 | 1, elements: number, outStride: number, reduceStrides: number[]): Operand {
  return { role, dtype: 1, source: 2, index: 0, root: zeroHash as Hex, elements, access: { offset: 0, outStrides: [outStride], reduceStrides, windows: [], stages: [] } };
}
