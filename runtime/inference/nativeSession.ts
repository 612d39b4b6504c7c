import type { InferenceSession } from "onnxruntime-node";
import type { Dtype } from "../../protocol/program/types.ts";
import { lasting } from "../../protocol/trees/tensorTree.ts";
import type { Arena } from "./alignedMemory.ts";
import type { OnnxRuntime } from "./onnxRuntime.ts";
import { layoutOf } from "./outputLayout.ts";
import type { SessionInfo, TensorBytes, ValueInfo } from "./types.ts";

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

/** Makes a session for one job at a time. Outputs whose shapes are fixed are written into `arena`, the same place for each run. */
export function createNativeSession(runtime: OnnxRuntime, model: Uint8Array | string, options: InferenceSession.SessionOptions, arena: Arena): NativeSession {
  const session = runtime.open(model, options);
  const { info } = session;
  const feeds = info.inputs.map(({ dtype, shape }): TensorBytes => ({ dtype, shape: shape as number[], bytes: new Uint8Array(0) }));
  let fixed: { run: (inputs: readonly TensorBytes[]) => void; results: Places } | undefined;
  const places = placesOf(info.outputs, arena);
  if (places !== undefined) fixed = { run: session.into(places.tensors), results: places };

  return {
    info,
    took: 0,
    run(inputs, shapes) {
      feeds.forEach((feed, i) => {
        feed.bytes = inputs[i] as Uint8Array;
        if (shapes !== undefined) feed.shape = shapes[i] as readonly number[];
      });
      if (fixed !== undefined) {
        try {
          fixed.run(feeds);
          return fixed.results;
        } catch {
          // Its outputs may not have the shapes that it declares. Whatever else is wrong, the library says once more below.
        }
      }
      const given = session.run(feeds);
      fixed = undefined;
      return {
        bytes: given.map(({ bytes }) => bytes),
        outputs: given.map(({ dtype, shape }, i) => ({ name: (info.outputs[i] as ValueInfo).name, dtype, shape })),
      };
    },
    release: session.release,
  };
}

interface Places {
  bytes: Uint8Array[];
  together: Uint8Array;
  tensors: TensorBytes[];
}

/** Places for outputs whose shapes are fixed. */
function placesOf(outputs: readonly ValueInfo[], arena: Arena): Places | undefined {
  const layout = layoutOf(outputs);
  if (layout === undefined) return undefined;
  arena.reset();
  const together = arena.take(layout.bytes);
  const bytes = layout.offsets.map((offset, i) => lasting(together.subarray(offset, offset + (layout.lengths[i] as number))));
  return { bytes, together, tensors: outputs.map(({ dtype, shape }, i) => ({ dtype, shape: shape as number[], bytes: bytes[i] as Uint8Array })) };
}
