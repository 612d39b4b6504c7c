import { zeroAddress, type Hex } from "viem";
import { childChoice, revealedChildren } from "../../../protocol/dispute/bisection.ts";
import { toHex } from "../../../protocol/hex.ts";
import { pathProof } from "../../../protocol/trees/merkle.ts";
import { chunkAt } from "../../../protocol/trees/tensorTree.ts";
import { namedStep } from "../helpers/playGame.ts";
import { makeWitness, noBlock, provedBlock, treeOf, type TestTrace } from "../helpers/program.ts";
import { inputRoot, noSeal, sealOf } from "../helpers/scenes.ts";
import type { Fit, Seal, Witness } from "./rules/calls.ts";
import type { Dispute, State } from "./rules/state.ts";
import type { Stage } from "./stage.ts";

/** What a job's calls repeat: its terms, or somebody else's. */
export function termsOf({ program, setting, start, world }: Stage, { job }: State, record: Fit) {
  const { fee, collateral, claimWindow, deliveryWindow, challengeWindow } = setting;
  const requester = world.address[record === "right" ? (job.requester ?? "requester") : "stranger"];
  return { programRoot: program.root, inputRoot, requester, fee, collateral, claimWindow, deliveryWindow, challengeWindow, expiry: start + BigInt(job.expiry), consumer: zeroAddress, callbackGas: 0 };
}

export function traceOf(stage: Stage, commitment: string): TestTrace {
  const trace = stage.traces[commitment];
  if (trace === undefined) throw new Error(`There is no trace ${commitment}.`);
  return trace;
}

/** The root of the inside of a block, as the trace of that name has it. */
export function innerRootOf(stage: Stage, block: number, root: string | null): Hex {
  return root === null ? noSeal : (traceOf(stage, root).inner[block]?.root ?? noSeal);
}

/** The nodes that a reveal of the dispute's current place shows. */
export function nodesOf(stage: Stage, dispute: Dispute): Uint8Array[] {
  const { place } = dispute;
  // Where no tree is descended a reveal has nothing to show; it is refused whatever it brings.
  if (place === null) return [new Uint8Array(32)];
  const { trace, block, list } = listOf(stage, dispute);
  const tree = place.tensor === null ? list.tree : treeOf(trace, place.tensor.index, block);
  return revealedChildren(tree, { height: place.levels, index: place.first >> place.levels });
}

/** The first arguments of a choice: index, child, siblings. */
export function choiceOf(stage: Stage, dispute: Dispute, { index, proof }: { index: number; proof: Fit }): unknown[] {
  const nodes = nodesOf(stage, dispute);
  const { child, siblings } = childChoice(nodes, Math.min(index, nodes.length - 1));
  return [BigInt(index), proof === "right" ? toHex(child) : spoil(toHex(child)), siblings.map(toHex)];
}

/** The bytes of the chunk that is due. */
export function chunkOf(stage: Stage, dispute: Dispute): Hex {
  const { place } = dispute;
  if (place?.tensor == null) return "0x00";
  return toHex(chunkAt(listOf(stage, dispute).list.tensors[place.tensor.index] as Uint8Array, place.first));
}

/** The last arguments of the choice of a border: its root and proof, and the step. */
export function borderOf(stage: Stage, dispute: Dispute, step: number, proof: Fit): unknown[] {
  const { tree } = traceOf(stage, dispute.commitment);
  const index = stage.setting.program.steps[step]?.defines.index ?? 0;
  const root = toHex(tree.levels[0]?.subarray(index * 32, index * 32 + 32) as Uint8Array);
  return [proof === "right" ? root : spoil(root), pathProof(tree, index).map(toHex), ...stepOf(stage, step)];
}

/** A step with its proof; a number that the program has not comes with the first one's. */
export function stepOf({ program }: Stage, step: number): unknown[] {
  const [, ...proved] = namedStep(program, step < program.steps.length ? step : 0);
  return [step, ...proved];
}

export function blockOf({ program }: Stage, block: number | null, proof: Fit = "right") {
  if (block === null) return noBlock;
  const proved = provedBlock(program, block);
  return proof === "right" ? proved : { ...proved, proof: proved.proof.map(spoil) };
}

export function witnessOf({ program }: Stage, { step, element }: Witness) {
  return { ...makeWitness(program, BigInt(element)), stepIndex: step };
}

export function sealHash(stage: Stage, seal: Seal | null): Hex {
  return seal === null ? noSeal : sealOf(stage.world.address[seal.by], witnessOf(stage, seal.witness));
}

export function spoil(hex: Hex): Hex {
  return `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}` as Hex;
}

/** The list that a descent is in, or that its tensor is of: the posted trace, or the inner one that the executor stated. */
function listOf(stage: Stage, { place, block, innerRoot, commitment }: Dispute) {
  const isInner = place?.tree === "inner" || place?.tensor?.source === 3;
  const trace = traceOf(stage, isInner ? (innerRoot ?? commitment) : commitment);
  const inside = isInner ? (block ?? 0) : undefined;
  const list = inside === undefined ? trace : (trace.inner[inside] as TestTrace["inner"][number]);
  return { trace, block: inside, list };
}
