import { definedTensor, hasInner, innerTensors, stepsOf } from "../protocol/program/blocks.ts";
import { sources, type Program, type Step } from "../protocol/program/types.ts";
import { listRootOf } from "../protocol/trees/listTree.ts";
import type { Hasher } from "../runtime/hashing/createHasher.ts";
import { commitTensors, commitTrace } from "../runtime/inference/commitTrace.ts";
import type { InnerTrace } from "../runtime/inference/innerTrace.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { LoadedProgram, PostedBytes } from "../runtime/programs/loadedProgram.ts";
import { withChangedElement, type Lie, type Misbehaviour } from "./misbehaviour.ts";

type ElementLie = Extract<Lie, { kind: "element" }>;

/** The lies about results that are inside of blocks, in the order of the steps. */
function liesInside(program: Program, { lies }: Misbehaviour): ElementLie[] {
  const inside = lies.filter((lie): lie is ElementLie => lie.kind === "element" && program.steps[lie.step]?.result.source === sources.inner);
  return inside.sort((a, b) => a.step - b.step);
}

/**
 * The trace of a liar whose lies are inside of blocks: nothing of the lie itself is posted, but all that follows from it is, computed soundly. The liar's
 * trace is the honest one where it tells no such lie.
 */
export async function lieInside(loaded: LoadedProgram, honest: Trace, misbehaviour: Misbehaviour, hasher: Pick<Hasher, "commit">): Promise<Trace> {
  const { program } = loaded;
  const lies = liesInside(program, misbehaviour);
  if (!hasInner(program) || lies.length === 0) return honest;
  const inputs = honest.inputs.map(({ bytes }) => bytes);
  const tensors = honest.tensors.map(({ bytes }) => bytes);
  for (const [blockIndex, { borders }] of program.blocks.entries()) {
    // A later block starts from what the lying ones have posted.
    const computed = await loaded.recompute(inputs, tensors);
    for (const tensor of borders) tensors[tensor] = computed[tensor] as Uint8Array;
    const { borders: lying } = await lyingBlock(loaded, { inputs, tensors }, blockIndex, lies);
    for (const [tensor, bytes] of lying) tensors[tensor] = bytes;
  }
  return commitTrace(program, honest.inputs, tensors, hasher);
}

/** The inner trace that a liar commits to when it has to expand a block: the one from which its posted tensors follow. */
export async function expandLying(loaded: LoadedProgram, trace: Trace, blockIndex: number, misbehaviour: Misbehaviour, hasher: Pick<Hasher, "commit">): Promise<InnerTrace> {
  const posted = { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) };
  const { inner } = await lyingBlock(loaded, posted, blockIndex, liesInside(loaded.program, misbehaviour));
  const tensors = await commitTensors(inner, hasher);
  return { blockIndex, tensors, innerRoot: tensors.length === 0 ? undefined : listRootOf("inner", tensors.map(({ root }) => root)) };
}

/** A block run with its lies told, each followed by what the steps after it make of it. */
async function lyingBlock(loaded: LoadedProgram, posted: PostedBytes, blockIndex: number, lies: readonly ElementLie[]): Promise<{ inner: Uint8Array[]; borders: Map<number, Uint8Array> }> {
  const { program } = loaded;
  const honest = await loaded.expand(blockIndex, posted);
  const inner = honest.tensors.map(({ bytes }) => bytes);
  const told = lies.filter(({ step }) => (program.steps[step] as Step).blockIndex === blockIndex);
  const first = told[0]?.step;
  if (first === undefined) return { inner, borders: new Map() };
  const places = innerTensors(program, blockIndex).map(({ step }) => step);
  const lieAbout = (step: number): void => {
    const at = places.indexOf(step);
    for (const lie of told) if (lie.step === step) inner[at] = withChangedElement(inner[at] as Uint8Array, lie.element, definedTensor(program, step).dtype);
  };
  const tensors = [...posted.tensors];
  const borders = new Map<number, Uint8Array>();
  lieAbout(first);
  const { firstStep } = program.blocks[blockIndex] as Program["blocks"][number];
  for (const [step, { result }] of stepsOf(program, blockIndex)) {
    if (step <= first) continue;
    const bytes = (await loaded.recomputeSteps(blockIndex, { inputs: posted.inputs, tensors }, inner))[step - firstStep] as Uint8Array;
    if (result.source === sources.inner) {
      inner[places.indexOf(step)] = bytes;
      lieAbout(step);
    } else {
      tensors[result.index] = bytes;
      borders.set(result.index, bytes);
    }
  }
  return { inner, borders };
}
