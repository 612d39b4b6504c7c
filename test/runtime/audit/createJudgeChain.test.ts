import { zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judge } from "../../../protocol/judge/judge.ts";
import { toHex } from "../../../protocol/hex.ts";
import { encodeStep, programRoot, stepsRoot } from "../../../protocol/program/codec.ts";
import { dtypes, profiles, roles, sources, stepKinds, type Operand, type Program, type ProgramHeader, type Step } from "../../../protocol/program/types.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { createJudgeChain, type JudgeChain } from "../../../runtime/audit/createJudgeChain.ts";
import { examineStep } from "../../../runtime/audit/examineStep.ts";
import { openExecution, type OpenExecution } from "../../../runtime/audit/openExecution.ts";
import { transactionGas } from "../../../runtime/audit/transactionGas.ts";

/** y = x·k for 300 numbers, one of which may be false. */
function products(falsify?: { element: number; factor: number }): OpenExecution {
  const k = 3;
  const x = Float32Array.from({ length: 300 }, (_, i) => (i - 150) / 7);
  const y = x.map((value, i) => Math.fround(value * k) * (i === falsify?.element ? falsify.factor : 1));
  const commit = (values: Float32Array) => {
    const bytes = new Uint8Array(values.buffer);
    return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
  };
  const weight = commit(Float32Array.of(k));
  const operand = (source: Operand["source"], root: Operand["root"], elements: number): Operand => ({
    role: roles.factor, dtype: dtypes.float32, source, index: 0, root, elements,
    access: { offset: 0, outStrides: [elements === 1 ? 0 : 1], reduceStrides: [], windows: [], stages: [] },
  });
  const step: Step = {
    version: 1, kind: stepKinds.contraction, op: 0, profile: profiles.fp32, blockIndex: 0,
    result: { dtype: dtypes.float32, source: sources.trace, index: 0, shape: [300] },
    reduce: [], operands: [operand(sources.input, zeroHash, 300), operand(sources.weight, weight.root, 1)], expression: new Uint8Array(), attributes: new Uint8Array(),
  };
  const header: ProgramHeader = { version: 1, graph: zeroHash, inputs: zeroHash, stepsRoot: stepsRoot([step]), blocksRoot: zeroHash, stepCount: 1, blockCount: 1, inputCount: 1, traceCount: 1, outputs: [0] };
  const program: Program = { root: programRoot(header), header, steps: [step], blocks: [], inputs: [], outputs: [], trace: [], inner: [], weights: [], nodes: [["times"]] };
  return openExecution(program, { inputs: [commit(x)], trace: [commit(y)], weight: () => weight });
}

describe("the judge on an EVM of its own", () => {
  let chain: JudgeChain;
  beforeAll(async () => {
    chain = await createJudgeChain();
  });
  afterAll(() => chain.close());

  it("says what the TypeScript judge says, at the gas that a transaction's receipt shows", async () => {
    const { claim, witness } = products().honest(0, 299);
    const { verdict, gas, calldataBytes } = await chain.judge(claim, witness);
    const { fraud, claimed, lo, hi, nan } = judge(claim, witness);
    expect(verdict).toEqual({ fraud, claimed, lo, hi, nan });
    const data = chain.encode(claim, witness);
    const [from] = (await chain.request({ method: "eth_accounts" })) as string[];
    const hash = await chain.request({ method: "eth_sendTransaction", params: [{ from, to: chain.address, data, gas: "0xffffff" }] });
    const receipt = (await chain.request({ method: "eth_getTransactionReceipt", params: [hash] })) as { gasUsed: string; status: string };
    expect({ status: Number(receipt.status), gas: Number(receipt.gasUsed), calldataBytes: data.length / 2 - 1 }).toEqual({ status: 1, gas, calldataBytes });
  });

  it("refuses a malformed witness with the name of the contracts' error", async () => {
    const { claim, witness } = products().honest(0, 0);
    await expect(chain.judge(claim, { ...witness, step: encodeStep({ ...products().program.steps[0]!, op: 9 }) })).rejects.toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "StepNotInProgram" } });
  });

  it("catches every false value and convicts no honest one", async () => {
    const examined = await examineStep(products(), chain, 0, [0, 150, 299]);
    expect(examined).toMatchObject({ judged: 3, sound: 3, falseFraud: 0, corrupted: 14, fraudCaught: 14, fraudMissed: 0, disagreements: 0, refused: 0, oversized: 0, faults: [] });
    expect(examined.bound).toBeGreaterThan(0);
    expect(examined.bound).toBeLessThan(1e-6);
  });

  it("names an element that is fraud as it was committed", async () => {
    const { falseFraud, sound, faults } = await examineStep(products({ element: 20, factor: 1.00001 }), chain, 0, [19, 20]);
    expect([falseFraud, sound]).toEqual([1, 1]);
    expect(faults).toMatchObject([{ step: 0, element: 20, kind: "falseFraud", corruption: undefined }]);
  });
});

describe("gas of a transaction", () => {
  it("is the floor of EIP-7623 where the calldata weighs more than the work", () => {
    const calldata = Uint8Array.of(0, 0, 1, 2, 3);
    expect(transactionGas(calldata, 1000)).toBe(21_000 + 2 * 4 + 3 * 16 + 1000);
    expect(transactionGas(calldata, 10)).toBe(21_000 + 2 * 10 + 3 * 40);
  });
});
