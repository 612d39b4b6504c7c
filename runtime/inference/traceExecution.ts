import { GainsayError } from "../../protocol/errors.ts";
import { traceName } from "../../protocol/lowering/graphNames.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { dtypes, type Program, type TraceTensor } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { commitTensor } from "../../protocol/trees/tensorTree.ts";
import type { FilePart } from "../hashing/filePart.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { fromResult, toFeed } from "./bfloats.ts";
import { bytesOf, checkLength, commitChecked, settled, type Hashable } from "./commitTrace.ts";
import type { Inference } from "./createInference.ts";
import type { HeldTensor } from "./heldRun.ts";
import { dtypeName } from "./tensorTypes.ts";
import type { Trace } from "./trace.ts";
import type { TensorBytes } from "./types.ts";

export interface TracedExecution {
  program: Program;
  /** Name under which the traced graph of the program is loaded: its outputs `trace:0`, `trace:1`, … are in commit order. */
  tracedKey: string;
  inference: Pick<Inference, "hold">;
  hasher: Pick<Hasher, "commit">;
  /** Inputs in program order, row-major. */
  inputs: readonly Hashable[];
  signal?: AbortSignal;
}

/**
 * Runs the traced graph once and commits to its inputs and to its posted trace.
 * Throws `TRACE_MISMATCH` if the graph is not the program's, and what `Inference.run` throws.
 */
export async function executeTraced({ program, tracedKey, inference, hasher, inputs, signal }: TracedExecution): Promise<Trace> {
  const feeds: Record<string, TensorBytes> = {};
  program.inputs.forEach(({ name, dtype, shape }, i) => {
    const input = inputs[i];
    if (input !== undefined) feeds[name] = toFeed({ dtype, shape, bytes: bytesOf(input) });
  });
  const { names, outputs, release } = await inference.hold(tracedKey, feeds, signal === undefined ? {} : { signal });
  try {
    const places = placesOf(names, program.trace.length);
    const tensors = program.trace.map((spec, i) => hashable(spec, traceName(i), outputs[places[i] as number], hasher));
    return { ...(await commitChecked(program, inputs, await settled(tensors), hasher)), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** A posted tensor, hashed unless its bytes came with the answer; otherwise they are read when somebody wants them. */
function hashable(spec: TraceTensor, output: string, held: HeldTensor | undefined, hasher: Pick<Hasher, "commit">): Hashable | Promise<Hashable> {
  if (held === undefined) throw new GainsayError(`The traced graph does not give the tensor ${JSON.stringify(spec.name)} (output ${output}); build it from the same bundle.`, { code: "TRACE_MISMATCH", details: { output } });
  if (spec.dtype === dtypes.bfloat16 && held.dtype === dtypes.float32) {
    const { bytes } = fromResult({ dtype: held.dtype, shape: held.shape, bytes: held.read() }, spec.dtype);
    checkLength("trace tensor", spec, bytes.length);
    return bytes;
  }
  if (held.dtype !== spec.dtype) {
    throw new GainsayError(`The traced graph gives ${JSON.stringify(spec.name)} as ${dtypeName(held.dtype)}, but the program has ${dtypeName(spec.dtype)}.`, { code: "TRACE_MISMATCH", details: { output } });
  }
  checkLength("trace tensor", spec, held.byteLength);
  const { hashed } = held;
  if (hashed === undefined && held.bytes !== undefined) return held.read();
  if (hashed === undefined && held.byteLength > INLINE_BYTES) return held.file === undefined ? held.read() : hashedThere(held, held.file(), hasher);
  const { root, leaves } = hashed ?? commitTensor(held.peek());
  return new UnreadTensor(root, leaves, held);
}

/** A large tensor, hashed by threads that read it from where it lies. */
function hashedThere(held: HeldTensor, file: FilePart, hasher: Pick<Hasher, "commit">): Promise<CommittedTensor> {
  const hashing = hasher.commit(file).then(({ root, leaves }) => new UnreadTensor(toHex(root), leaves, held));
  // Nobody waits for it if another tensor turns out to be wrong first.
  hashing.catch(() => undefined);
  return hashing;
}

/** A posted tensor whose bytes are read when somebody wants them. */
class UnreadTensor implements CommittedTensor {
  readonly root: Hex;
  readonly leaves: Uint8Array;
  declare readonly bytes: Uint8Array;
  readonly #held: HeldTensor;
  #bytes: Uint8Array | undefined;

  /** A property of each object's own, so that copies by spread have it, and one function for all: V8 keeps a shape of its own for each object with a getter of its own. */
  static readonly #read: PropertyDescriptor = {
    enumerable: true,
    get(this: UnreadTensor) {
      return (this.#bytes ??= this.#held.read());
    },
  };

  constructor(root: Hex, leaves: Uint8Array, held: HeldTensor) {
    this.root = root;
    this.leaves = leaves;
    this.#held = held;
    Object.defineProperty(this, "bytes", UnreadTensor.#read);
  }
}

/** Where the traced tensors are among the outputs of a session, by its names. */
const places = new WeakMap<readonly string[], readonly number[]>();

function placesOf(names: readonly string[], count: number): readonly number[] {
  let known = places.get(names);
  if (known?.length !== count) {
    known = Array.from({ length: count }, (_, i) => names.indexOf(traceName(i)));
    places.set(names, known);
  }
  return known;
}
