import type { DisputeCall, Fit } from "./calls.ts";
import { pass } from "./clocks.ts";
import { needStanding } from "./ends.ts";
import { depthOf, tensorOf, type Program } from "./program.ts";
import { need } from "./refuse.ts";
import type { Dispute, Place, Setting, State } from "./state.ts";

const levelsPerReveal = 4;

type Reveal = DisputeCall & { move: "reveal" };
type Choose = DisputeCall & { move: "choose" | "chooseTensor" | "chooseBlock" };

/** The root of a list, whose leaves are tensors. */
export function placeAtRoot(tree: "trace" | "inner", leaves: number): Place {
  return { tree, tensor: null, levels: depthOf(leaves), first: 0, leaves, atRoot: true };
}

function placeInTensor(program: Program, step: number): Place {
  const facts = program.steps[step];
  if (facts === undefined) throw new Error(`The program has no step ${step}.`);
  const { chunks } = tensorOf(program, facts.block, facts.defines);
  return { tree: "tensor", tensor: facts.defines, levels: depthOf(chunks), first: 0, leaves: chunks, atRoot: true };
}

/** The children of the current node, 2^k of them, k = min(4, levels). They are what the hashes say, and no others. */
export function playReveal(state: State, setting: Setting, dispute: Dispute, call: Reveal): void {
  need(call.children !== "missing", "WrongChildCount");
  need(call.children !== "changed", "WrongChildren");
  dispute.place = { ...placeOf(dispute), atRoot: false };
  pass(state, setting, dispute, "choose");
}

/** A choice within a tree: to a node that is revealed next, or to a chunk that is due then, with at least the extension for it. */
export function playChoose(state: State, setting: Setting, dispute: Dispute, call: Choose): void {
  const place = placeOf(dispute);
  const next = below(place, call.index, call.proof);
  if (next.levels > 0) {
    dispute.place = next;
    pass(state, setting, dispute, "reveal");
    return;
  }
  need(place.tree === "tensor", "StepNeeded");
  dispute.place = next;
  pass(state, setting, dispute, "revealChunk", "defender");
}

/** At a leaf of a list the step that defines the tensor is named too, and the game goes on in that tensor. */
export function playChooseTensor(state: State, setting: Setting, dispute: Dispute, call: Choose & { move: "chooseTensor" }): void {
  const { program } = setting;
  const place = placeOf(dispute);
  const leaf = leafOf(place, call.index, call.proof);
  needStanding(state, dispute);
  const step = program.steps[call.step];
  need(step !== undefined, "IndexOutOfTree");
  need(step.defines.source === (place.tree === "trace" ? 2 : 3) && step.defines.index === leaf, "StepDefinesAnotherTensor");
  need(place.tree === "trace" || step.block === dispute.block, "StepOfAnotherBlock");
  dispute.place = placeInTensor(program, call.step);
  pass(state, setting, dispute, "reveal");
}

/** At a leaf of the posted trace that is a border of a block, the block may be named instead, to have its inner trace committed. */
export function playChooseBlock(state: State, setting: Setting, dispute: Dispute, call: Choose & { move: "chooseBlock" }): void {
  const place = placeOf(dispute);
  const leaf = leafOf(place, call.index, call.proof);
  needStanding(state, dispute);
  need(place.tree !== "inner", "AlreadyInside");
  needInside(setting.program, call.block);
  need(setting.program.blocks[call.block]?.borders.includes(leaf) === true, "NotABorder");
  dispute.block = call.block;
  dispute.place = null;
  pass(state, setting, dispute, "expand");
}

/** After the expansion, or in place of any choice in the inner list: the game goes on in a border tensor of the block. */
export function playChooseBorder(state: State, setting: Setting, dispute: Dispute, call: DisputeCall & { move: "chooseBorder" }): void {
  const { program } = setting;
  const block = program.blocks[dispute.block ?? -1];
  if (block === undefined) throw new Error("An expanded dispute has a block.");
  const step = program.steps[call.step];
  need(step !== undefined, "IndexOutOfTree");
  need(step.defines.source === 2, "NotABorder");
  need(step.block === dispute.block, "StepOfAnotherBlock");
  need(call.proof === "right", "WrongChoice");
  dispute.seal = null;
  dispute.sealedAt = null;
  dispute.place = placeInTensor(program, call.step);
  pass(state, setting, dispute, "reveal");
}

export function playDescend(state: State, setting: Setting, dispute: Dispute): void {
  const block = setting.program.blocks[dispute.block ?? -1];
  if (block === undefined) throw new Error("An expanded dispute has a block.");
  dispute.place = placeAtRoot("inner", block.inner.length);
  dispute.seal = null;
  dispute.sealedAt = null;
  pass(state, setting, dispute, "reveal");
}

export function needInside(program: Program, block: number): void {
  const facts = program.blocks[block];
  need(facts !== undefined, "BlockNotInProgram");
  need(facts.inner.length > 0, "NothingInside");
}

function placeOf(dispute: Dispute): Place {
  if (dispute.place === null) throw new Error("A descent has a place.");
  return dispute.place;
}

/** The node chosen among the revealed ones: within the revealed level, with something in it, and proved. */
function below(place: Place, index: number, proof: Fit): Place {
  const down = Math.min(levelsPerReveal, place.levels);
  need(index < 2 ** down, "IndexOutOfTree");
  const levels = place.levels - down;
  const first = place.first + index * 2 ** levels;
  need(proof === "right", "WrongChoice");
  need(first < place.leaves, "PaddingLeaf");
  return { ...place, levels, first, atRoot: false };
}

function leafOf(place: Place, index: number, proof: Fit): number {
  const next = below(place, index, proof);
  need(place.tree !== "tensor" && next.levels === 0, "NotAtTensor");
  return next.first;
}
