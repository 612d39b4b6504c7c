import { GainsayError } from "../protocol/errors.ts";
import { dtypeBytes, dtypes, sources, type Dtype, type Program, type TraceTensor } from "../protocol/program/types.ts";
import type { Hasher } from "../runtime/hashing/createHasher.ts";
import { commitTrace } from "../runtime/inference/commitTrace.ts";
import type { Trace } from "../runtime/inference/trace.ts";

/** A development chain: the only one on which an executor may be told to lie. */
export const DEVNET_CHAIN_ID = 31337;

export type Lie = { kind: "answer" } | { kind: "element"; step: number; element: number };

/** How a dishonest executor lies, for demonstrations and tests. */
export interface Misbehaviour {
  /** Another answer, or one changed element of one step's tensor; none for an honest trace. */
  lies: Lie[];
  /** Serves no trace data to anyone. */
  withhold: boolean;
}

/**
 * Reads `answer`, `step=N[/ELEMENT]` and `withhold`, separated by commas, such as `answer,withhold`.
 * Throws `MISBEHAVIOUR_MALFORMED`.
 */
export function parseMisbehaviour(text: string): Misbehaviour {
  const misbehaviour: Misbehaviour = { lies: [], withhold: false };
  for (const part of text.split(",")) {
    const element = /^step=(\d+)(?:\/(\d+))?$/.exec(part);
    if (part === "withhold") misbehaviour.withhold = true;
    else if (part === "answer") misbehaviour.lies.push({ kind: "answer" });
    else if (element !== null) misbehaviour.lies.push({ kind: "element", step: Number(element[1]), element: Number(element[2] ?? 0) });
    else {
      throw new GainsayError(`"${part}" is not a way to misbehave; give answer, step=N, step=N/ELEMENT or withhold, separated by commas.`, { code: "MISBEHAVIOUR_MALFORMED", kind: "usage" });
    }
  }
  return misbehaviour;
}

/**
 * The trace that the liar commits to: the honest one with a number changed for each lie about a posted tensor, and everything hashed anew. Lies about what is
 * inside of a block are told by `lieInside`.
 */
export async function tamper(program: Program, honest: Trace, { lies }: Misbehaviour, hasher: Hasher): Promise<Trace> {
  if (lies.length === 0) return honest;
  const tensors = honest.tensors.map(({ bytes }) => bytes);
  let told = 0;
  for (const lie of lies) {
    if (lie.kind === "element" && program.steps[lie.step]?.result.source === sources.inner) continue;
    told++;
    const index = lie.kind === "answer" ? honest.outputs[0] : program.steps[lie.step]?.result.index;
    const bytes = index === undefined ? undefined : tensors[index];
    if (index === undefined || bytes === undefined) {
      throw new GainsayError("The program has no such step to lie about.", { code: "MISBEHAVIOUR_MALFORMED", kind: "usage", details: { steps: program.steps.length } });
    }
    tensors[index] = lie.kind === "answer" ? withAnotherAnswer(bytes) : withChangedElement(bytes, lie.element, (program.trace[index] as TraceTensor).dtype);
  }
  return told === 0 ? honest : commitTrace(program, honest.inputs, tensors, hasher);
}

/** Makes the smallest element the largest: the label changes, and nothing else does. */
function withAnotherAnswer(bytes: Uint8Array): Uint8Array {
  const { changed, floats } = copyOf(bytes);
  let smallest = 0;
  let largest = 0;
  floats.forEach((value, i) => {
    if (value < (floats[smallest] as number)) smallest = i;
    if (value > (floats[largest] as number)) largest = i;
  });
  floats[smallest] = (floats[largest] as number) + 1;
  return changed;
}

/** A tensor with one element moved far beyond rounding: a float32 by an eighth of the largest number, any other by one. */
export function withChangedElement(bytes: Uint8Array, element: number, dtype: Dtype): Uint8Array {
  if (dtype !== dtypes.float32) return withOtherByte(bytes, element, dtypeBytes[dtype]);
  const { changed, floats } = copyOf(bytes);
  const value = floats[element];
  if (value === undefined) throw new GainsayError(`The step's tensor has ${floats.length} elements; there is no element ${element}.`, { code: "MISBEHAVIOUR_MALFORMED", kind: "usage" });
  const scale = floats.reduce((largest, other) => (Number.isFinite(other) ? Math.max(largest, Math.abs(other)) : largest), 1);
  floats[element] = value + scale / 8;
  return changed;
}

function withOtherByte(bytes: Uint8Array, element: number, size: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  const low = changed[element * size];
  if (low === undefined) throw new GainsayError(`The step's tensor has ${bytes.length / size} elements; there is no element ${element}.`, { code: "MISBEHAVIOUR_MALFORMED", kind: "usage" });
  changed[element * size] = low ^ 1;
  return changed;
}

function copyOf(bytes: Uint8Array): { changed: Uint8Array; floats: Float32Array } {
  const changed = new Uint8Array(bytes);
  return { changed, floats: new Float32Array(changed.buffer) };
}
