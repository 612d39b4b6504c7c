import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPosition, revealLevels } from "../../../protocol/dispute/bisection.ts";
import { challengerMove, type ChallengerView } from "../../../protocol/dispute/challengerMove.ts";
import { defenderMove, innerRootOf, traceTree } from "../../../protocol/dispute/defenderMove.ts";
import { floatNoise } from "../../../protocol/dispute/floatNoise.ts";
import type { GamePhase, GamePosition } from "../../../protocol/dispute/game.ts";
import { nextDemand } from "../../../protocol/dispute/nextDemand.ts";
import { openedElements, type OpenedAnswer } from "../../../protocol/dispute/openedElements.ts";
import { proveBlock } from "../../../protocol/dispute/proveBlock.ts";
import { disputedChunk, refutationFromBisection, refutationFromTrace } from "../../../protocol/dispute/refutation.ts";
import { replay, type RecordedMove } from "../../../protocol/dispute/replay.ts";
import { resultOf, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { fromHex, toHex } from "../../../protocol/hex.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { claimOf } from "../../../protocol/program/claim.ts";
import { blockHash } from "../../../protocol/program/codec.ts";
import type { Block, Claim, Program, Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { listRootFromTop } from "../../../protocol/trees/listTree.ts";
import { buildTree, depthOf, topFromRange } from "../../../protocol/trees/merkle.ts";
import { chunkCount } from "../../../protocol/trees/tensorTree.ts";
import { noRoot, rootsOf, twoLevels, type Lie } from "./twoLevels.ts";

/** The contract's part of a game from `phase` on: each move is checked against the node before it. Returns how it ends. */
function referee(theirs: ExecutionTensors, view: Omit<ChallengerView, "shown">, opening: { record: RecordedMove[]; phase: GamePhase; position: GamePosition }) {
  const { program } = view;
  const { record, position } = opening;
  let phase = opening.phase;
  let tree = traceTree(theirs.trace);
  let node: Uint8Array = tree.top;
  const enter = (next: typeof tree, changes: Partial<GamePosition>): void => {
    tree = next;
    node = next.top;
    Object.assign(position, { levels: depthOf(next.count), index: 0, ...changes });
    phase = "reveal";
  };
  for (let moves = 0; moves < 200; moves++) {
    const shown = replay(program.trace.length, record);
    if (phase === "reveal" || phase === "expand" || phase === "revealChunk") {
      const move = defenderMove({ phase, position }, theirs);
      if (move?.kind === "reveal") {
        expect(topFromRange(2 ** revealLevels({ height: position.levels, index: position.index }), 0, move.children, [])).toEqual(node);
        record.push({ kind: "reveal", children: move.children });
        phase = "choose";
      } else if (move?.kind === "expand") {
        record.push({ kind: "expand", innerRoot: move.innerRoot });
        position.innerRoot = move.innerRoot;
        phase = "expanded";
      } else if (move?.kind === "revealChunk") {
        record.push({ kind: "chunk", chunk: position.index, data: move.data });
        return { record, position };
      }
      continue;
    }
    const move = challengerMove({ phase, position }, { ...view, shown });
    if (move === undefined) throw new Error("the challenger does not move");
    if (move.kind === "descend") {
      record.push({ kind: "descend" });
      enter(traceTree(theirs.inner?.(position.blockIndex) ?? []), { source: 3 });
    } else if (move.kind === "chooseBorder") {
      expect(topFromRange(theirs.trace.length, move.tensor, [fromHex(move.root)], move.proof)).toEqual(traceTree(theirs.trace).top);
      enterTensor(2, move.tensor, move.stepIndex);
    } else {
      const at = { height: position.levels, index: position.index };
      expect(topFromRange(2 ** revealLevels(at), move.index, [move.child], move.siblings)).toEqual(node);
      const next = childPosition(at, move.index);
      expect(next.index * 2 ** next.height).toBeLessThan(tree.count);
      record.push({ kind: "choose", index: next.index });
      node = move.child;
      Object.assign(position, { levels: next.height, index: next.index });
      if (move.kind === "chooseTensor") enterTensor(position.source, move.tensor, move.stepIndex);
      else if (move.kind === "chooseBlock") {
        const block = program.blocks[move.blockIndex] as Block;
        expect(block.borders).toContain(move.tensor);
        record.push({ kind: "block", block: move.blockIndex, innerCount: block.innerCount });
        Object.assign(position, { blockIndex: move.blockIndex, innerCount: block.innerCount, tensor: move.tensor });
        phase = "expand";
      } else phase = next.height === 0 ? "revealChunk" : "reveal";
    }
  }
  throw new Error("the game does not end");

  function enterTensor(source: number, tensor: number, stepIndex: number): void {
    const { result, blockIndex } = program.steps[stepIndex] as Step;
    expect({ source: result.source, index: result.index }).toEqual({ source, index: tensor });
    const committed = resultOf({ result, blockIndex }, theirs);
    record.push({ kind: "tensor", source, tensor, byteLength: committed.bytes.length });
    enter(buildTree(committed.leaves), { source, tensor, stepIndex, byteLength: committed.bytes.length });
    expect(position.levels).toBe(depthOf(chunkCount(committed.bytes.length)));
  }
}

const atStart = (program: Program): GamePosition => ({ node: noRoot, atRoot: true, levels: depthOf(program.trace.length), index: 0, source: 2, tensor: 0, stepIndex: 0, byteLength: 0, blockIndex: 0, innerCount: 0, innerRoot: noRoot });

/** Expects the game to have come to the lie, and its witness to be a fraud, and no other of the chunk to be one. */
function expectConviction(program: Program, own: ExecutionTensors, theirs: ExecutionTensors, lie: Lie, { record, position }: ReturnType<typeof referee>, posted?: readonly CommittedTensor[]): void {
  const shown = replay(program.trace.length, record);
  expect(position.stepIndex).toBe(lie.step);
  const inner = shown.block?.innerRoot === undefined ? undefined : { innerRoot: shown.block.innerRoot, blockIndex: shown.block.index, innerCount: shown.block.innerCount };
  const claim: Claim = claimOf(rootsOf(program, theirs), inner);
  const chunk = disputedChunk(program, own, shown, lie.step);
  expect(chunk.first).toBeLessThanOrEqual(lie.element);
  expect(judge(claim, refutationFromBisection(program, own, shown, lie.step, lie.element, posted)).fraud).toBe(true);
  const other = lie.element === chunk.first ? chunk.first + 1 : chunk.first;
  if (chunk.count > 1) expect(judge(claim, refutationFromBisection(program, own, shown, lie.step, other, posted)).fraud).toBe(false);
  expect(judge(claim, refutationFromTrace(program, theirs, lie.step, lie.element)).fraud).toBe(true);
}

const programs = [fc.array(fc.nat(1000), { minLength: 2, maxLength: 24 }), fc.array(fc.boolean(), { minLength: 3, maxLength: 7 }), fc.constantFrom(1, 300, 256 * 17 + 5), fc.nat(), fc.nat()] as const;

describe("a dispute through the blocks of a program", () => {
  it("by bisection ends in a fraud, for any division into blocks and any lie that shows in the posted trace", () => {
    const reached = { posted: 0, inner: 0, border: 0 };
    fc.assert(
      fc.property(...programs, (parents, cuts, elements, at, where) => {
        const { program, run } = twoLevels(parents, cuts, elements);
        const lie = { step: at % parents.length, element: where % elements };
        const [own, theirs] = [run(), run(lie)];
        fc.pre(own.trace.some(({ root }, i) => root !== theirs.trace[i]?.root));
        const played = referee(theirs, { program, own }, { record: [], phase: "reveal", position: atStart(program) });
        expectConviction(program, own, theirs, lie, played);
        const { block } = replay(program.trace.length, played.record);
        reached[block === undefined ? "posted" : played.position.source === 3 ? "inner" : "border"]++;
      }),
      { numRuns: 80, seed: 7 },
    );
    expect(Math.min(reached.posted, reached.inner, reached.border), JSON.stringify(reached)).toBeGreaterThan(3);
  });

  it("that begins with the block does so too, with the posted trace at hand", () => {
    fc.assert(
      fc.property(...programs, (parents, cuts, elements, at, where) => {
        const { program, run, rerun, blockOf } = twoLevels(parents, cuts, elements);
        const lie = { step: at % parents.length, element: where % elements };
        const blockIndex = blockOf[lie.step] as number;
        const { innerCount } = program.blocks[blockIndex] as Block;
        fc.pre(innerCount > 0);
        const theirs = run(lie);
        const own = rerun(blockIndex, theirs);
        const position = { ...atStart(program), blockIndex, innerCount };
        const played = referee(theirs, { program, own, posted: theirs.trace }, { record: [{ kind: "block", block: blockIndex, innerCount }], phase: "expand", position });
        expectConviction(program, own, theirs, lie, played, theirs.trace);
      }),
      { numRuns: 60, seed: 8 },
    );
  });

  it("has nothing to go for where the block agrees", () => {
    const { program, run } = twoLevels([0, 0, 1, 2], [false, false, false, true], 300);
    const own = run();
    const blockIndex = program.blocks.findIndex(({ innerCount }) => innerCount > 0);
    const { innerCount } = program.blocks[blockIndex] as Block;
    const position = { ...atStart(program), blockIndex, innerCount, innerRoot: innerRootOf(own.inner?.(blockIndex) ?? []) };
    const view = { program, own, shown: replay(program.trace.length, []) };
    expect(() => challengerMove({ phase: "expanded", position }, { ...view, posted: own.trace })).toThrow(expect.objectContaining({ code: "NOTHING_TO_DISPUTE" }));
    expect(challengerMove({ phase: "expanded", position: { ...position, innerRoot: noRoot } }, view)).toEqual({ kind: "descend" });
    const { trace } = own;
    expect(() => defenderMove({ phase: "expand", position }, { trace })).toThrow(expect.objectContaining({ code: "INNER_TRACE_MISSING" }));
    expect(() => defenderMove({ phase: "expand", position: { ...position, innerCount: innerCount + 1 } }, own)).toThrow(expect.objectContaining({ code: "INNER_TRACE_MISSING" }));
  });

  it("is walked back by demands into the inner trace where the lie is", () => {
    const { program, run } = twoLevels([0, 0, 1, 2, 3, 4, 5, 6], [true, false, false, false], 300);
    const noise = floatNoise(program, run());
    const found = new Set<number>();
    for (const step of program.steps.keys()) {
      const own = run();
      const theirs = run({ step, element: 100 });
      if (own.trace.at(-1)?.root === theirs.trace.at(-1)?.root) continue;
      const answers: OpenedAnswer[] = [];
      let convicted = false;
      for (let demands = 0; demands < 20 && !convicted; demands++) {
        const decision = nextDemand({ program, own, noise, answers, outputs: [], limit: 20 });
        if (decision.kind !== "demand") throw new Error(`the walk stops: ${decision.why}`);
        const { blockIndex } = program.steps[decision.stepIndex] as Step;
        const inner = theirs.inner?.(blockIndex) ?? [];
        const commitment = inner.length === 0 ? undefined : { innerRoot: innerRootOf(inner), blockIndex, innerCount: inner.length };
        const witness = refutationFromTrace(program, theirs, decision.stepIndex, decision.element);
        convicted = judge(claimOf(rootsOf(program, theirs), commitment), witness).fraud;
        answers.push(openedElements(program, witness));
      }
      expect(convicted).toBe(true);
      expect(answers.at(-1)).toMatchObject({ stepIndex: step, element: 100 });
      found.add((program.steps[step] as Step).result.source);
    }
    expect([...found].sort()).toEqual([2, 3]);
  });
});

it("proves each block under the program's root of blocks", () => {
  const { program } = twoLevels([0, 0, 1, 2, 3, 4, 5], [true, false], 5);
  for (const [index, block] of program.blocks.entries()) {
    const { proof } = proveBlock(program, index);
    const top = topFromRange(program.blocks.length, index, [blockHash(block)], proof);
    expect(toHex(listRootFromTop("blocks", program.blocks.length, top))).toBe(program.header.blocksRoot);
  }
});
