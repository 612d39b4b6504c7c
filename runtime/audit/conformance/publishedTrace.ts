import { coordinates, IndexMap } from "../../../protocol/judge/access.ts";
import { dtypeBytes, sources, type Dtype, type OutputSpec, type Program } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import type { Hasher } from "../../hashing/createHasher.ts";
import { commitTrace } from "../../inference/commitTrace.ts";
import type { Trace } from "../../inference/trace.ts";
import type { LoadedProgram } from "../../programs/loadedProgram.ts";
import { elementType, readElement } from "../elementTypes.ts";
import { reconcileTrace } from "./reconcileTrace.ts";
import { dtypeOf, type DataSet, type PublishedTensor } from "./readVector.ts";
import { Unsupported } from "./unsupported.ts";

/** A trace that claims published outputs. */
export interface PublishedTrace {
  trace: Trace;
  /** By trace index, the elements whose bits are not those that ONNX Runtime computes, in outputs the furthest apart first. */
  suspects: ReadonlyMap<number, number[]>;
}

/**
 * The trace of an executor who claims the published outputs: tensors in between are computed from the published inputs, outputs
 * are the published ones in commit layout. Where a step reads a tensor that was replaced so, what follows is computed from the
 * replaced one. Where the published outputs need other last bits in between, `reconcileTrace` looks for them.
 */
export async function publishedTrace(loaded: LoadedProgram, { inputs, outputs }: DataSet, hasher: Pick<Hasher, "commit">, signal?: AbortSignal): Promise<PublishedTrace> {
  const { program } = loaded;
  const given = program.inputs.map(({ name }) => (inputs.find((tensor) => tensor.name === name) as PublishedTensor).bytes);
  const computed = await loaded.execute(given, signal);
  let tensors = computed.tensors.map(({ bytes }) => bytes);
  const replace = (bytes: readonly Uint8Array[]): Uint8Array[] => {
    const replaced = [...bytes];
    for (const spec of program.outputs) replaced[spec.trace] = overlay(replaced[spec.trace] as Uint8Array, spec, outputs.find(({ name }) => name === spec.name));
    return replaced;
  };
  tensors = replace(tensors);
  for (let round = readersOfOutputs(program) ? program.steps.length : 0; round > 0; round--) {
    const next = replace(await loaded.recompute(given, tensors, signal));
    const settled = next.every((bytes, i) => Buffer.compare(bytes, tensors[i] as Uint8Array) === 0);
    tensors = next;
    if (settled) break;
  }
  const suspects = new Map(program.outputs.map(({ trace: index, dtype }) => [index, differing(dtype, (computed.tensors[index] as CommittedTensor).bytes, tensors[index] as Uint8Array)]));
  const own = (bytes: Uint8Array): CommittedTensor => ({ root: "0x", bytes: new Uint8Array(bytes), leaves: new Uint8Array() });
  // The search reads bytes only; roots follow from what it settles on.
  const searched = tensors.map(own);
  for (const [index, elements] of reconcileTrace(program, { inputs: given.map(own), trace: searched, weight: await loaded.weights() }) ?? []) suspects.set(index, elements);
  return { trace: await commitTrace(program, given, searched.map(({ bytes }) => bytes), hasher), suspects };
}

/** Committed bytes of an output's tensor with the published elements in the places where its view finds them. */
function overlay(committed: Uint8Array, spec: OutputSpec, published: PublishedTensor | undefined): Uint8Array {
  if (published === undefined) throw new Unsupported(`the output ${JSON.stringify(spec.name)} is not published`);
  if (dtypeOf(published) !== spec.dtype || JSON.stringify(published.shape) !== JSON.stringify(spec.shape)) {
    throw new Error(`the published output ${JSON.stringify(spec.name)} is ${published.dtype} [${published.shape.join(",")}], the program's is of type ${spec.dtype} and shape [${spec.shape.join(",")}]`);
  }
  const size = dtypeBytes[spec.dtype];
  const map = new IndexMap(spec.access, committed.length / size, spec.shape.length, 0);
  const result = new Uint8Array(committed);
  for (let i = 0; i * size < published.bytes.length; i++) {
    const at = map.resolve(map.linear(coordinates(spec.shape, i), []));
    result.set(published.bytes.subarray(i * size, (i + 1) * size), at * size);
  }
  return result;
}

function differing(dtype: Dtype, computed: Uint8Array, published: Uint8Array): number[] {
  const type = elementType(dtype);
  const found: { element: number; distance: number }[] = [];
  for (let element = 0; element * type.bytes < published.length; element++) {
    const [a, b] = [readElement(dtype, computed, element), readElement(dtype, published, element)];
    if (a === b) continue;
    const [from, to] = [type.order(a), type.order(b)];
    found.push({ element, distance: from === undefined || to === undefined ? Infinity : Math.abs(Number(from - to)) });
  }
  return found.sort((x, y) => y.distance - x.distance || x.element - y.element).map(({ element }) => element);
}

function readersOfOutputs(program: Program): boolean {
  const outputs = new Set(program.header.outputs);
  return program.steps.some(({ operands }) => operands.some(({ source, index }) => source === sources.trace && outputs.has(index)));
}
