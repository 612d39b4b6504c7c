import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createChainJudge, type ChainJudge } from "./createChainJudge.ts";
import { gasCases, measureGas, type GasRow } from "./gasCases.ts";

/** Ceilings of what a verdict costs. `GAINSAY_GAS=write` measures them anew. */
const tablePath = path.join(import.meta.dirname, "gas.json");
const table = JSON.parse(readFileSync(tablePath, "utf8")) as Record<string, number>;
const writing = process.env["GAINSAY_GAS"] === "write";
const slack = 1.02;

/** EIP-7825. */
const transactionLimit = 16_777_216;

const measured = new Map<string, GasRow>();
let chain: ChainJudge;
beforeAll(async () => {
  chain = await createChainJudge();
  for (const item of gasCases()) measured.set(`${item.label}, ${item.terms}`, await measureGas(chain, item));
});
afterAll(async () => {
  await chain.close();
  if (writing) writeFileSync(tablePath, `${JSON.stringify(Object.fromEntries([...measured].map(([name, { gas }]) => [name, gas])), null, 2)}\n`);
});

function gasOf(name: string): number {
  return (measured.get(name) as GasRow).gas;
}

it("every verdict stays under its ceiling", () => {
  if (writing) return;
  expect([...measured.keys()].sort()).toEqual(Object.keys(table).sort());
  const dearer = [...measured].filter(([name, { gas }]) => gas > (table[name] as number) * slack);
  expect(dearer.map(([name, { gas }]) => `${name}: ${gas} instead of ${table[name]}`)).toEqual([]);
});

it("a row of a feed-forward layer of Llama 70B, K = 28672, fits one transaction, whatever floats it has", () => {
  for (const name of ["dot, 28672", "dot, half zeros, 28672", "dot, subnormals, 28672"]) expect(gasOf(name), name).toBeLessThan(transactionLimit);
});

it("a multiply-add of long contractions costs at most 350 gas, of bytes 100", () => {
  expect(gasOf("dot, 28672") / 28_672).toBeLessThan(350);
  expect(gasOf("dot, half zeros, 3072") / 3072).toBeLessThan(350);
  expect(gasOf("int8 dot, zero points, requantised, 5120") / 5120).toBeLessThan(100);
});

it("rows of 1024 cost less than 5M, and elements of a map over small tensors at most 150k", () => {
  for (const name of ["softmax, 1024", "log-softmax, 1024", "mean (layer norm), 1024"]) expect(gasOf(name), name).toBeLessThan(5_000_000);
  const maps = ["gelu", "silu", "hardswish", "requantisation", "residual", "layer norm, division by the deviation"];
  for (const name of maps) expect(gasOf(`map: ${name}, 1`), name).toBeLessThanOrEqual(150_000);
});
