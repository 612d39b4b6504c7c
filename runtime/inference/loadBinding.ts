import { isMainThread } from "node:worker_threads";
import type { TensorConstructor } from "onnxruntime-node";
import type { Binding } from "onnxruntime-node/dist/binding.js";
import type { OnnxRuntime, OpenSession } from "./onnxRuntime.ts";
import { dtypeFromName, dtypeName, viewTyped, type TypedTensor } from "./tensorTypes.ts";
import type { SessionInfo, TensorBytes } from "./types.ts";
import { valueInfo } from "./valueInfo.ts";

/** A tensor as the binding reads it. */
interface NativeTensor {
  type: string;
  dims: readonly number[];
  location: "cpu";
  data: TypedTensor;
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

/** Longest element. */
const WORD_BYTES = 8;

/** As the library numbers what it says. */
const LOG_WARNINGS = 2;

/** Loads the package's native binding, without the layer of promises above it, which waits for a turn of the event loop before each run. Throws whatever the loader of native modules throws. */
export async function loadBinding(): Promise<OnnxRuntime> {
  const [{ binding }, { version }] = await Promise.all([import("onnxruntime-node/dist/binding.js"), import("onnxruntime-node/dist/version.js")]);
  binding.initOrtOnce(LOG_WARNINGS, Result as unknown as TensorConstructor, isMainThread);
  return {
    version,
    providers: binding.listSupportedBackends().map(({ name }) => name),
    prepare: () => undefined,
    open(model, options) {
      const session = new binding.InferenceSession();
      if (typeof model === "string") session.loadModel(model, options);
      else session.loadModel(model.buffer as ArrayBuffer, model.byteOffset, model.byteLength, options);
      return bound(session);
    },
  };
}

function bound(session: Binding.InferenceSession): OpenSession {
  const info: SessionInfo = { inputs: session.inputMetadata.map(valueInfo), outputs: session.outputMetadata.map(valueInfo) };
  const feed = feeder(info);
  const anywhere = Object.fromEntries(info.outputs.map(({ name }) => [name, null]));
  return {
    info,
    run(inputs) {
      const results = session.run(feed(inputs) as never, anywhere as never, {}) as unknown as Record<string, Pick<NativeTensor, "type" | "data" | "dims">>;
      return info.outputs.map(({ name }) => {
        const { type, dims, data } = results[name] as Pick<NativeTensor, "type" | "data" | "dims">;
        return { dtype: dtypeFromName(type), shape: dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
      });
    },
    into(places) {
      const tensors = Object.fromEntries(info.outputs.map(({ name }, i) => [name, nativeTensor(places[i] as TensorBytes)]));
      const own = feeder(info);
      return (inputs) => {
        discarding = true;
        try {
          session.run(own(inputs) as never, tensors as never, {});
        } finally {
          discarding = false;
        }
      };
    },
    release: () => session.dispose(),
  };
}

/** Names inputs as the binding wants it; what has not changed since the last time is used again. */
function feeder({ inputs: values }: SessionInfo): (inputs: readonly TensorBytes[]) => Record<string, NativeTensor> {
  const named: Record<string, NativeTensor> = {};
  const last: Uint8Array[] = [];
  return (inputs) => {
    inputs.forEach((input, i) => {
      const { name } = values[i] as { name: string };
      // What does not start at a whole element is copied, each time.
      if (last[i] === input.bytes && input.bytes.byteOffset % WORD_BYTES === 0 && named[name]?.dims === input.shape) return;
      last[i] = input.bytes;
      named[name] = nativeTensor(input);
    });
    return named;
  };
}

function nativeTensor({ dtype, shape, bytes }: TensorBytes): NativeTensor {
  return { type: dtypeName(dtype), dims: shape, location: "cpu", data: viewTyped(dtype, bytes) };
}
