import { isMainThread } from "node:worker_threads";
import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import type { Binding } from "onnxruntime-node/dist/binding.js";
import { GainsayError } from "../../protocol/errors.ts";
import { dtypeBytes, type Dtype } from "../../protocol/program/types.ts";
import { lasting } from "../../protocol/trees/tensorTree.ts";
import type { Arena } from "./alignedMemory.ts";
import { layoutOf } from "./outputLayout.ts";
import { dtypeFromName, dtypeName, viewTyped, type TypedTensor } from "./tensorTypes.ts";
import type { SessionInfo, ValueInfo } from "./types.ts";

/** What the installed package offers: its native binding, without the layer of promises above it, which waits for a turn of the event loop before each run. */
export interface OnnxRuntime {
  version: string;
  providers: string[];
  Session: Binding.InferenceSessionConstructor;
}

/** An output of a run. */
export interface Output {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
}

export interface NativeSession {
  readonly info: SessionInfo;
  /** Milliseconds of its last run, for whoever measures it. */
  took: number;
  /**
   * Runs the graph on the bytes of its inputs, in its order; `shapes` are theirs where the session does not fix them all. The bytes of the outputs may be
   * overwritten by the next run. `outputs` is missing if they are as the session declares them; `together` are all of their bytes if they lie as
   * `layoutOf` says.
   */
  run(inputs: readonly Uint8Array[], shapes?: readonly (readonly number[])[]): { bytes: Uint8Array[]; together?: Uint8Array; outputs?: Output[] };
  release(): void;
}

/** A tensor as the binding reads it. */
export interface NativeTensor {
  type: string;
  dims: readonly number[];
  location: "cpu";
  data: TypedTensor;
}

/** Views bytes as a tensor. */
export function nativeTensor(dtype: Dtype, dims: readonly number[], bytes: Uint8Array): NativeTensor {
  return { type: dtypeName(dtype), dims, location: "cpu", data: viewTyped(dtype, bytes) };
}

/** Whether the results of the run at work are of no use, because the outputs have been written into places that were given. */
let discarding = false;

/**
 * What the binding makes of each output, in place of the package's own class. It copies outputs into new memory even where it has written them into places that were given; that
 * memory is let go of at once, and not when the garbage collector gets to know that there is much of it: a third of the time of a run with many outputs.
 */
class Result {
  readonly type: string;
  readonly data: TypedTensor;
  readonly dims: readonly number[];

  constructor(type: string, data: TypedTensor, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
    if (discarding) (data.buffer as ArrayBuffer).transfer(0);
  }
}

/** As the library numbers what it says. */
const LOG_WARNINGS = 2;

/** Loads the library. Throws whatever the loader of native modules throws. */
export async function loadRuntime(): Promise<OnnxRuntime> {
  const [{ binding }, { version }] = await Promise.all([import("onnxruntime-node/dist/binding.js"), import("onnxruntime-node/dist/version.js")]);
  binding.initOrtOnce(LOG_WARNINGS, Result as unknown as TensorConstructor, isMainThread);
  return { version, providers: binding.listSupportedBackends().map(({ name }) => name), Session: binding.InferenceSession };
}

/** A session as the binding has it. */
export interface OpenSession {
  readonly info: SessionInfo;
  /** Runs on named tensors, and returns the outputs that `fetches` names. */
  call(feeds: Readonly<Record<string, NativeTensor>>, fetches: Readonly<Record<string, null>>): Record<string, Pick<NativeTensor, "type" | "dims" | "data">>;
  /** Runs on named tensors, into places for all outputs. */
  callInto(feeds: Readonly<Record<string, NativeTensor>>, places: Readonly<Record<string, NativeTensor>>): void;
  release(): void;
}

/** Makes a session of a model's bytes, or of the file at a path. */
export function openSession({ Session }: OnnxRuntime, model: Uint8Array | string, options: InferenceSession.SessionOptions): OpenSession {
  const session = new Session();
  if (typeof model === "string") session.loadModel(model, options);
  else session.loadModel(model.buffer as ArrayBuffer, model.byteOffset, model.byteLength, options);
  return {
    info: { inputs: session.inputMetadata.map(valueInfo), outputs: session.outputMetadata.map(valueInfo) },
    call: (feeds, fetches) => session.run(feeds as never, fetches as never, {}) as unknown as Record<string, NativeTensor>,
    callInto(feeds, places) {
      discarding = true;
      try {
        session.run(feeds as never, places as never, {});
      } finally {
        discarding = false;
      }
    },
    release: () => session.dispose(),
  };
}

/** Makes a session for one job at a time. Outputs whose shapes are fixed are written into `arena`, the same place for each run. */
export function createNativeSession(runtime: OnnxRuntime, model: Uint8Array | string, options: InferenceSession.SessionOptions, arena: Arena): NativeSession {
  const { info, call, callInto, release } = openSession(runtime, model, options);
  const feeds = info.inputs.map(({ dtype, shape }) => nativeTensor(dtype, shape as number[], new Uint8Array(0)));
  const named = Object.fromEntries(info.inputs.map(({ name }, i) => [name, feeds[i] as NativeTensor]));
  const anywhere = Object.fromEntries(info.outputs.map(({ name }) => [name, null]));
  let places = placesOf(info.outputs, arena);

  return {
    info,
    took: 0,
    run(inputs, shapes) {
      feeds.forEach((feed, i) => {
        const { dtype } = info.inputs[i] as ValueInfo;
        feed.data = viewTyped(dtype, inputs[i] as Uint8Array);
        if (shapes !== undefined) feed.dims = shapes[i] as readonly number[];
      });
      if (places !== undefined) {
        try {
          callInto(named, places.tensors);
          return places;
        } catch {
          // Its outputs may not have the shapes that it declares. Whatever else is wrong, the library says once more below.
        }
      }
      const results = call(named, anywhere);
      places = undefined;
      const given = info.outputs.map(({ name }) => results[name] as Pick<NativeTensor, "type" | "dims" | "data">);
      return {
        bytes: given.map(({ data: { buffer, byteOffset, byteLength } }) => new Uint8Array(buffer, byteOffset, byteLength)),
        outputs: given.map(({ type, dims }, i) => ({ name: (info.outputs[i] as ValueInfo).name, dtype: dtypeFromName(type), shape: dims })),
      };
    },
    release,
  };
}

/** Places for outputs whose shapes are fixed. */
function placesOf(outputs: readonly ValueInfo[], arena: Arena): { bytes: Uint8Array[]; together: Uint8Array; tensors: Record<string, NativeTensor> } | undefined {
  const layout = layoutOf(outputs);
  if (layout === undefined) return undefined;
  arena.reset();
  const together = arena.take(layout.bytes);
  const bytes = layout.offsets.map((offset, i) => lasting(together.subarray(offset, offset + (layout.lengths[i] as number))));
  const tensors = outputs.map(({ name, dtype, shape }, i) => [name, nativeTensor(dtype, shape as number[], bytes[i] as Uint8Array)] as const);
  return { bytes, together, tensors: Object.fromEntries(tensors) };
}

/** Names of element types that programs do not have, by their number. */
const foreignTypes: Readonly<Record<number, string>> = { 8: "string", 11: "float64", 14: "complex64", 15: "complex128", 21: "uint4", 22: "int4" };

/** Element types have the numbers of ONNX; a dimension that is not fixed has its symbol. Throws `DTYPE_UNSUPPORTED`. */
function valueInfo({ name, isTensor, type, shape, symbolicDimensions }: Binding.ValueMetadata): ValueInfo {
  if (!isTensor) throw new GainsayError(`The value ${name} is not a tensor; only tensors can go in or out.`, { code: "MODEL_LOAD_FAILED", kind: "usage" });
  const dtype = Object.hasOwn(dtypeBytes, type) ? (type as Dtype) : dtypeFromName(foreignTypes[type] ?? `number ${type}`);
  return { name, dtype, shape: shape.map((size, axis) => (size === -1 ? (symbolicDimensions[axis] ?? "") : size)) };
}
