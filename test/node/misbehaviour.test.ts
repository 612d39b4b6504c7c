import { describe, expect, it } from "vitest";
import { parseMisbehaviour, tamper } from "../../node/misbehaviour.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import { tensorLeaves, tensorRoot } from "../../protocol/trees/tensorTree.ts";
import type { Hasher } from "../../runtime/hashing/createHasher.ts";
import { commitTrace } from "../../runtime/inference/commitTrace.ts";

const hasher = { commit: async (bytes: Uint8Array) => ({ root: tensorRoot(bytes), leaves: tensorLeaves(bytes) }) } as unknown as Hasher;
// Two steps whose order in the trace is not their order in the program.
const program = {
  root: `0x${"01".repeat(32)}`,
  header: { outputs: [1] },
  inputs: [{ name: "x", dtype: 1, shape: [2] }],
  trace: [
    { name: "b", dtype: 1, shape: [2, 2] },
    { name: "y", dtype: 1, shape: [3] },
  ],
  steps: [{ result: { index: 1, source: 2 } }, { result: { index: 0, source: 2 } }],
} as unknown as Program;
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const honest = () => commitTrace(program, [floats(1, 2)], [floats(1, -16, 3, NaN), floats(0.5, -1, 0.25)], hasher);
const valuesOf = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];

describe("parseMisbehaviour", () => {
  it.each([
    ["answer", { lies: [{ kind: "answer" }], withhold: false }],
    ["withhold", { lies: [], withhold: true }],
    ["step=3", { lies: [{ kind: "element", step: 3, element: 0 }], withhold: false }],
    ["step=3/1000,answer,withhold", { lies: [{ kind: "element", step: 3, element: 1000 }, { kind: "answer" }], withhold: true }],
  ])("reads %s", (text, expected) => {
    expect(parseMisbehaviour(text)).toEqual(expected);
  });

  it.each(["", "lie", "answer,", "step", "step=", "step=-1", "step=1/", "step=1/2/3", "step=1.5", " answer", "Answer", "step=0x1"])("refuses %j", (text) => {
    expect(() => parseMisbehaviour(text)).toThrow(expect.objectContaining({ code: "MISBEHAVIOUR_MALFORMED", kind: "usage" }));
  });
});

describe("tamper", () => {
  it("makes another answer win and changes nothing else", async () => {
    const trace = await honest();
    const lying = await tamper(program, trace, parseMisbehaviour("answer"), hasher);
    const before = valuesOf(trace.tensors[1]!.bytes);
    const after = valuesOf(lying.tensors[1]!.bytes);
    expect(after.indexOf(Math.max(...after))).not.toBe(before.indexOf(Math.max(...before)));
    expect(after.filter((value, i) => value !== before[i])).toHaveLength(1);
    expect(lying.tensors[0]!.root).toBe(trace.tensors[0]!.root);
    expect(lying.traceRoot).not.toBe(trace.traceRoot);
    expect(lying.outputRoot).not.toBe(trace.outputRoot);
    expect(lying.inputRoot).toBe(trace.inputRoot);
    expect(lying.tensors[1]!.root).toBe(toHex(tensorRoot(lying.tensors[1]!.bytes)));
  });

  it("changes the named element of the tensor that the step defines, far beyond rounding", async () => {
    const trace = await honest();
    const lying = await tamper(program, trace, parseMisbehaviour("step=1/2"), hasher);
    expect(valuesOf(lying.tensors[0]!.bytes)).toEqual([1, -16, 5, NaN]);
    expect(lying.tensors[1]!.root).toBe(trace.tensors[1]!.root);
    expect(lying.outputRoot).toBe(trace.outputRoot);
  });

  it("leaves an honest trace alone, also for a liar by omission", async () => {
    const trace = await honest();
    expect(await tamper(program, trace, parseMisbehaviour("withhold"), hasher)).toBe(trace);
  });

  it("tells several lies in one trace, and does not change the honest one in place", async () => {
    const trace = await honest();
    const lying = await tamper(program, trace, parseMisbehaviour("step=1/0,answer"), hasher);
    expect(lying.tensors.map(({ root }, i) => root !== trace.tensors[i]!.root)).toEqual([true, true]);
    expect(trace.traceRoot).toBe((await honest()).traceRoot);
    expect(valuesOf(trace.tensors[0]!.bytes)[0]).toBe(1);
  });

  it.each(["step=2", "step=0/3", "step=1/4"])("refuses %s, which the program does not have", async (how) => {
    await expect(tamper(program, await honest(), parseMisbehaviour(how), hasher)).rejects.toMatchObject({ code: "MISBEHAVIOUR_MALFORMED" });
  });
});
