import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { operandReader, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { floatOf } from "../../../protocol/judge/float32.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import type { Hasher } from "../../../runtime/hashing/createHasher.ts";
import { commitTrace } from "../../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";

/** Ways to change one element: `bound` is the first float that is not sound any more, `sign` turns the value around. */
export const changes = ["bound", "nan", "infinity", "sign"] as const;
export type Change = (typeof changes)[number];
export const places = ["first", "last", "random"] as const;
export type Place = (typeof places)[number];

export interface Lie {
  step: number;
  place: Place;
  change: Change;
}

/** A liar's trace, and the element in which it lies. */
export interface LyingTrace {
  trace: Trace;
  element: number;
  tensor: number;
}

/** Bits of the float next to a finite one, away from zero for a positive and towards −∞ for a negative one. */
export function nextUp(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getInt32(0);
  view.setInt32(0, bits >= 0 ? bits + 1 : bits === -0x80000000 ? 1 : bits - 1);
  return view.getFloat32(0);
}

/**
 * The honest trace with one element changed beyond its bound. A sign cannot be changed where the value is zero, so the nearest
 * element whose sign matters is taken. With `consistent`, everything after the lie is computed from it, as a thorough liar would.
 */
export async function lie(loaded: LoadedProgram, honest: Trace, { step: stepIndex, place, change }: Lie, hasher: Hasher, random: () => number, consistent = false): Promise<LyingTrace> {
  const { program } = loaded;
  const step = program.steps[stepIndex] as (typeof program.steps)[number];
  const tensor = step.result.index;
  const tensors: ExecutionTensors = { inputs: honest.inputs, trace: honest.tensors, weight: await loaded.weights() };
  const bytes = honest.tensors.map((committed) => new Uint8Array(committed.bytes));
  const changed = bytes[tensor] as Uint8Array;
  const view = new DataView(changed.buffer, changed.byteOffset, changed.byteLength);
  const count = changed.length / 4;
  const read = operandReader(step, tensors);
  const start = place === "first" ? 0 : place === "last" ? count - 1 : Math.floor(random() * count);
  const direction = place === "last" ? -1 : 1;
  for (let tried = 0; tried < count; tried++) {
    const element = (start + direction * tried + count) % count;
    const value = view.getFloat32(element * 4, true);
    const verdict = judgeElement(step, read, element, view.getUint32(element * 4, true));
    const claimed = change === "bound" ? nextUp(floatOf(verdict.hi)) : change === "nan" ? Number.NaN : change === "infinity" ? Infinity : -value;
    if (change === "sign" && !(Math.abs(value) > 1e-3 && -value < floatOf(verdict.lo)) && !(-value > floatOf(verdict.hi))) continue;
    view.setFloat32(element * 4, claimed, true);
    if (consistent) await recomputeAfter(loaded, honest, bytes, tensor);
    return { trace: await commitTrace(program, honest.inputs.map((input) => input.bytes), bytes, hasher), element, tensor };
  }
  throw new Error(`step ${stepIndex} has no element in which "${change}" is a lie`);
}

/** Computes every tensor after `from` again from the ones before it. */
async function recomputeAfter(loaded: LoadedProgram, honest: Trace, bytes: Uint8Array[], from: number): Promise<void> {
  const inputs = honest.inputs.map((input: CommittedTensor) => input.bytes);
  for (let i = from + 1; i < bytes.length; i++) bytes[i] = (await loaded.recompute(inputs, bytes))[i] as Uint8Array;
}

/** A small deterministic generator: the same lies at every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The honest trace with the largest element of one step doubled, and everything after it computed from that: a lie that reaches the output. */
export async function visibleLie(loaded: LoadedProgram, honest: Trace, stepIndex: number, hasher: Hasher): Promise<LyingTrace> {
  const { program } = loaded;
  const tensor = (program.steps[stepIndex] as (typeof program.steps)[number]).result.index;
  const bytes = honest.tensors.map((committed) => new Uint8Array(committed.bytes));
  const floats = new Float32Array((bytes[tensor] as Uint8Array).buffer);
  let element = 0;
  floats.forEach((value, i) => {
    if (Math.abs(value) > Math.abs(floats[element] as number)) element = i;
  });
  floats[element] = (floats[element] as number) * 2;
  await recomputeAfter(loaded, honest, bytes, tensor);
  return { trace: await commitTrace(program, honest.inputs.map((input) => input.bytes), bytes, hasher), element, tensor };
}
