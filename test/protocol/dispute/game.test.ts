import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPosition, revealLevels } from "../../../protocol/dispute/bisection.ts";
import { challengerMove } from "../../../protocol/dispute/challengerMove.ts";
import { defenderMove, traceTree } from "../../../protocol/dispute/defenderMove.ts";
import { stepOfTrace } from "../../../protocol/dispute/definingStep.ts";
import type { Game, GamePosition } from "../../../protocol/dispute/game.ts";
import { disputedChunk, refutationFromBisection, refutationFromTrace } from "../../../protocol/dispute/refutation.ts";
import { replay, type RecordedMove } from "../../../protocol/dispute/replay.ts";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { toHex } from "../../../protocol/hex.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { assembleProgram } from "../../../protocol/lowering/assembleProgram.ts";
import { claimOf } from "../../../protocol/program/claim.ts";
import type { Program, Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { buildTree, depthOf, topFromRange } from "../../../protocol/trees/merkle.ts";
import { chunkCount, tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { operandOf, stepOf } from "../judge/makeStep.ts";

const NEG = 0x20;
const RELU = 0x30;
const PUSH = 0x01;
const noRoot = `0x${"00".repeat(32)}` as const;
const commit = (values: Float32Array): CommittedTensor => {
  const bytes = new Uint8Array(values.buffer);
  return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
};
const valuesOf = ({ bytes }: CommittedTensor): Float32Array => new Float32Array(bytes.slice().buffer);
const rootOf = (domain: "trace" | "inputs", tensors: readonly CommittedTensor[]) => toHex(listRoot(domain, new Uint8Array(Buffer.concat(tensors.map(({ root }) => Buffer.from(root.slice(2), "hex"))))));

const start: GamePosition = { node: noRoot, atRoot: true, levels: 0, index: 0, source: 2, tensor: 0, stepIndex: 0, byteLength: 0, blockIndex: 0, innerCount: 0, innerRoot: noRoot };

/** A program of many exact steps on long tensors, so that both trees take several reveals: step i negates or clips an earlier tensor. */
function chain(parents: readonly number[], elements: number) {
  const steps: Step[] = parents.map((parent, i) => ({
    ...stepOf(2, [elements], [], [{ ...operandOf(2, elements, { outStrides: [1] }), source: i === 0 ? 0 : 2, index: i === 0 ? 0 : parent % i, root: noRoot }], [PUSH, 0, i % 3 === 2 ? RELU : NEG]),
    blockIndex: i,
    result: { dtype: 1, source: 2, index: i, shape: [elements] },
  }));
  const access = { offset: 0, outStrides: [1], reduceStrides: [], windows: [], stages: [] };
  const program: Program = assembleProgram(toHex(sha256(new Uint8Array([1]))), {
    steps,
    inputs: [{ name: "x", dtype: 1, shape: [elements] }],
    outputs: [{ name: "y", dtype: 1, shape: [elements], trace: steps.length - 1, access }],
    trace: steps.map((_, i) => ({ name: `t${i}`, dtype: 1, shape: [elements], perm: [0], step: i })),
    inner: [],
    weights: [],
    nodes: steps.map(() => []),
  });
  const input = Float32Array.from({ length: elements }, (_, i) => Math.fround(Math.sin(i + 1) * 3));
  /** The trace that follows if tensor `lie.tensor` gets another value at one element. */
  const run = (lie?: { tensor: number; element: number }): ExecutionTensors => {
    const trace: CommittedTensor[] = [];
    steps.forEach((step, i) => {
      const from = i === 0 ? input : valuesOf(trace[step.operands[0]!.index]!);
      const values = from.map((value) => (i % 3 === 2 ? Math.max(0, value) : -value));
      if (lie?.tensor === i) values[lie.element] = (values[lie.element] as number) + 0.5;
      trace.push(commit(values));
    });
    return { inputs: [commit(input)], trace, weight: () => { throw new Error("the program has no weights"); } };
  };
  return { program, run };
}

/** The contract's part of a bisection: whose turn it is and where, each move checked against the node before it. */
function referee(program: Program, theirs: ExecutionTensors, own: ExecutionTensors) {
  const record: RecordedMove[] = [];
  let node: Uint8Array = traceTree(theirs.trace).top;
  const traceCount = program.trace.length;
  let leaves = traceCount;
  const position: GamePosition = { ...start, levels: depthOf(leaves) };
  let rounds = 0;
  for (;;) {
    const levels = revealLevels({ height: position.levels, index: position.index });
    const reveal = defenderMove({ phase: "reveal", position }, theirs);
    if (reveal?.kind !== "reveal") throw new Error("the defender does not reveal");
    expect(topFromRange(2 ** levels, 0, reveal.children, [])).toEqual(node);
    record.push({ kind: "reveal", children: reveal.children });
    rounds++;
    const choice = challengerMove({ phase: "choose", position }, { program, own, shown: replay(traceCount, record) });
    if (choice === undefined || !("index" in choice)) throw new Error("the challenger does not choose");
    expect(topFromRange(2 ** levels, choice.index, [choice.child], choice.siblings)).toEqual(node);
    const next = childPosition({ height: position.levels, index: position.index }, choice.index);
    record.push({ kind: "choose", index: next.index });
    node = choice.child;
    Object.assign(position, { levels: next.height, index: next.index });
    expect(position.index * 2 ** position.levels).toBeLessThan(leaves);
    if (choice.kind === "chooseTensor") {
      const byteLength = program.trace[choice.tensor]!.shape.reduce((a, b) => a * b, 1) * 4;
      record.push({ kind: "tensor", source: 2, tensor: choice.tensor, byteLength });
      expect(choice.stepIndex).toBe(stepOfTrace(program, choice.tensor));
      expect(toHex(node)).toBe(theirs.trace[choice.tensor]!.root);
      leaves = chunkCount(byteLength);
      Object.assign(position, { tensor: choice.tensor, stepIndex: choice.stepIndex, byteLength, levels: depthOf(leaves), index: 0 });
      node = buildTree(theirs.trace[choice.tensor]!.leaves).top;
      // Even a tensor of one chunk is revealed once: its root has to be opened to the chunk's hash.
      continue;
    }
    if (position.byteLength > 0 && position.levels === 0) break;
  }
  const chunk = defenderMove({ phase: "revealChunk", position }, theirs);
  if (chunk?.kind !== "revealChunk") throw new Error("the defender does not reveal the chunk");
  record.push({ kind: "chunk", chunk: position.index, data: chunk.data });
  return { record, position, rounds };
}

describe("a bisection between the two players", () => {
  it("ends in a witness that the judge calls fraud, for any step, element, size of program and of tensor", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), fc.constantFrom(1, 256, 300, 256 * 17 + 5, 256 * 33), fc.nat(), fc.nat(), fc.boolean(), (parents, elements, at, where, consistent) => {
        const { program, run } = chain(parents, elements);
        const tensor = at % parents.length;
        const element = where % elements;
        const own = run();
        const lying = run({ tensor, element });
        const theirs = consistent ? lying : { ...own, trace: own.trace.map((honest, i) => (i === tensor ? lying.trace[i]! : honest)) };
        const claim = claimOf({ programRoot: program.root, inputRoot: rootOf("inputs", theirs.inputs), traceRoot: rootOf("trace", theirs.trace) });
        const { record, position } = referee(program, theirs, own);
        const shown = replay(program.trace.length, record);
        expect(shown.tensor).toEqual({ source: 2, index: tensor, byteLength: elements * 4 });
        expect(shown.chunk?.index).toBe(Math.floor(element / 256));
        const chunk = disputedChunk(program, own, shown, position.stepIndex);
        expect(chunk.first + chunk.count).toBeLessThanOrEqual(elements);
        expect(element).toBeGreaterThanOrEqual(chunk.first);
        expect(element).toBeLessThan(chunk.first + chunk.count);
        expect(judge(claim, refutationFromBisection(program, own, shown, position.stepIndex, element)).fraud).toBe(true);
        // The others of that chunk are as they should be.
        const other = element === chunk.first ? chunk.first + 1 : chunk.first;
        if (chunk.count > 1) expect(judge(claim, refutationFromBisection(program, own, shown, position.stepIndex, other)).fraud).toBe(false);
        // Whoever has the whole trace needs no game.
        expect(judge(claim, refutationFromTrace(program, theirs, position.stepIndex, element)).fraud).toBe(true);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it("takes ceil(depth / 4) reveals in each of the two trees", () => {
    const { program, run } = chain(Array.from({ length: 40 }, (_, i) => i), 256 * 33);
    expect(referee(program, run({ tensor: 39, element: 256 * 32 + 3 }), run()).rounds).toBe(4);
  });
});

describe("the players out of turn", () => {
  const { program, run } = chain([0, 0, 1], 300);
  const own = run();
  const position: GamePosition = { ...start, levels: 2 };
  const game = (phase: Game["phase"], changes: Partial<Game["position"]> = {}): Game => ({ phase, position: { ...position, ...changes } });

  it("do nothing", () => {
    for (const phase of ["sealed", "choose", "refute", "ended"] as const) expect(defenderMove(game(phase), own)).toBeUndefined();
    for (const phase of ["sealed", "reveal", "revealChunk", "refute", "ended"] as const) expect(challengerMove(game(phase), { program, own, shown: replay(3, []) })).toBeUndefined();
  });

  it("say that the trace is another one", () => {
    for (const phase of ["reveal", "revealChunk"] as const) {
      expect(() => defenderMove(game(phase, { tensor: 3, byteLength: 1200 }), own)).toThrow(expect.objectContaining({ code: "TRACE_NOT_DISPUTED" }));
      expect(() => defenderMove(game(phase, { tensor: 1, byteLength: 1204 }), own)).toThrow(expect.objectContaining({ code: "TRACE_NOT_DISPUTED" }));
    }
    expect(() => stepOfTrace(program, 3)).toThrow(expect.objectContaining({ code: "TRACE_NOT_DISPUTED" }));
  });

  it("say what a record lacks", () => {
    expect(() => disputedChunk(program, own, replay(3, []), 0)).toThrow(expect.objectContaining({ code: "CHUNK_NOT_SHOWN" }));
    expect(() => refutationFromBisection(program, own, replay(3, []), 0, 0)).toThrow(expect.objectContaining({ code: "CHUNK_NOT_SHOWN" }));
    const tensor = { kind: "tensor", source: 2, tensor: 1, byteLength: 1200 } as const;
    expect(() => replay(3, [tensor, tensor])).toThrow(expect.objectContaining({ code: "RECORD_MALFORMED" }));
  });
});
