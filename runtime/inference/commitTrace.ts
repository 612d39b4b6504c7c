import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import { commitTensor } from "../../protocol/trees/tensorTree.ts";
import { INLINE_BYTES, type Hasher } from "../hashing/createHasher.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Trace } from "./trace.ts";

/**
 * Hashes the inputs and the posted trace of one execution, given as committed bytes in program order. What is hashed already is taken as it is.
 * Throws `TRACE_MISMATCH` if their number or a length is not the program's.
 */
export async function commitTrace(program: Program, inputs: readonly Hashable[], tensors: readonly Hashable[], hasher: Pick<Hasher, "commit">): Promise<Trace> {
  checkLengths("input", program.inputs, inputs);
  checkLengths("trace tensor", program.trace, tensors);
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

export { listRootOf as rootOf };

/** Commits to tensors given as committed bytes. */
export async function commitTensors(tensors: readonly Hashable[], hasher: Pick<Hasher, "commit">): Promise<CommittedTensor[]> {
  const committed: (CommittedTensor | Promise<CommittedTensor>)[] = tensors.map((tensor) => (!(tensor instanceof Uint8Array) ? tensor : tensor.length <= INLINE_BYTES ? commitTensor(tensor) : commitLarge(tensor, hasher)));
  return committed.some((one) => one instanceof Promise) ? Promise.all(committed) : (committed as CommittedTensor[]);
}

async function commitLarge(bytes: Uint8Array, hasher: Pick<Hasher, "commit">): Promise<CommittedTensor> {
  const { root, leaves } = await hasher.commit(bytes);
  return { root: toHex(root), bytes, leaves };
}

function checkLengths(what: string, specs: Program["inputs"] | Program["trace"], tensors: readonly Hashable[]): void {
  if (tensors.length !== specs.length) {
    throw new GainsayError(`The program has ${specs.length} ${what}s, but there are ${tensors.length}.`, { code: "TRACE_MISMATCH", kind: "usage", details: { wanted: specs.length, given: tensors.length } });
  }
  specs.forEach((spec, i) => {
    const wanted = tensorByteLength(spec.dtype, spec.shape);
    const given = bytesOf(tensors[i] as Hashable).length;
    if (given !== wanted) throw new GainsayError(`The ${what} ${JSON.stringify(spec.name)} must have ${wanted} bytes, but it has ${given}.`, { code: "TRACE_MISMATCH", kind: "usage", details: { name: spec.name, wanted, given } });
  });
}
