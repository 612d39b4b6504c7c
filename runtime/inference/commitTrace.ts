import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program, TraceTensor } from "../../protocol/program/types.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import { commitTensor } from "../../protocol/trees/tensorTree.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Trace } from "./trace.ts";

/**
 * Hashes the inputs and the posted trace of one execution, given as committed bytes in program order. What is hashed already is taken as it is.
 * Throws `TRACE_MISMATCH` if their number or a length is not the program's.
 */
export async function commitTrace(program: Program, inputs: readonly Hashable[], tensors: readonly Hashable[], hasher: Pick<Hasher, "commit">): Promise<Trace> {
  checkNumber("trace tensor", program.trace, tensors);
  program.trace.forEach((spec, i) => checkLength("trace tensor", spec, bytesOf(tensors[i] as Hashable).length));
  return commitChecked(program, inputs, tensors, hasher);
}

/** The same for posted tensors whose number and lengths are known to be right. */
export async function commitChecked(program: Program, inputs: readonly Hashable[], tensors: readonly Hashable[], hasher: Pick<Hasher, "commit">): Promise<Trace> {
  checkNumber("input", program.inputs, inputs);
  program.inputs.forEach((spec, i) => checkLength("input", spec, bytesOf(inputs[i] as Hashable).length));
  const [committedInputs, committedTensors] = await Promise.all([commitTensors(inputs, hasher), commitTensors(tensors, hasher)]);
  const outputs = program.header.outputs;
  return {
    programRoot: program.root,
    inputRoot: listRootOf("inputs", committedInputs.map((tensor) => tensor.root)),
    traceRoot: listRootOf("trace", committedTensors.map((tensor) => tensor.root)),
    outputRoot: listRootOf("outputs", outputs.map((index) => (committedTensors[index] as CommittedTensor).root)),
    inputs: committedInputs,
    tensors: committedTensors,
    outputs: [...outputs],
  };
}

/** Committed bytes, or a tensor that is committed to already. */
export type Hashable = Uint8Array | CommittedTensor;

/** The committed bytes of either. */
export function bytesOf(tensor: Hashable): Uint8Array {
  return tensor instanceof Uint8Array ? tensor : tensor.bytes;
}

/** Commits to tensors given as committed bytes. */
export async function commitTensors(tensors: readonly Hashable[], hasher: Pick<Hasher, "commit">): Promise<CommittedTensor[]> {
  const committed: (CommittedTensor | Promise<CommittedTensor>)[] = tensors.map((tensor) => (!(tensor instanceof Uint8Array) ? tensor : tensor.length <= INLINE_BYTES ? commitTensor(tensor) : commitLarge(tensor, hasher)));
  return settled(committed);
}

/** All of them, at once where there is nothing to wait for, as in most traces. */
export function settled<Value extends object>(values: (Value | Promise<Value>)[]): Value[] | Promise<Value[]> {
  return values.some((one) => one instanceof Promise) ? Promise.all(values) : (values as Value[]);
}

async function commitLarge(bytes: Uint8Array, hasher: Pick<Hasher, "commit">): Promise<CommittedTensor> {
  const { root, leaves } = await hasher.commit(bytes);
  return { root: toHex(root), bytes, leaves };
}

function checkNumber(what: string, specs: readonly unknown[], given: readonly unknown[]): void {
  if (given.length === specs.length) return;
  throw new GainsayError(`The program has ${specs.length} ${what}s, but there are ${given.length}.`, { code: "TRACE_MISMATCH", kind: "usage", details: { wanted: specs.length, given: given.length } });
}

/** Throws `TRACE_MISMATCH` if a tensor of a program does not have the bytes that its type and shape need. */
export function checkLength(what: string, { name, dtype, shape }: Pick<TraceTensor, "name" | "dtype" | "shape">, given: number): void {
  const wanted = tensorByteLength(dtype, shape);
  if (given !== wanted) throw new GainsayError(`The ${what} ${JSON.stringify(name)} must have ${wanted} bytes, but it has ${given}.`, { code: "TRACE_MISMATCH", kind: "usage", details: { name, wanted, given } });
}
