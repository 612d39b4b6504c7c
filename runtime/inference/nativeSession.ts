import type { InferenceSession } from "onnxruntime-node";
import type { Dtype } from "../../protocol/program/types.ts";
import { lasting } from "../../protocol/trees/tensorTree.ts";
import type { Arena } from "./alignedMemory.ts";
import type { MappedFile } from "../mapFile.ts";
import type { OnnxRuntime } from "./onnxRuntime.ts";
import { layoutOf, type Layout } from "./outputLayout.ts";
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
   * Runs the graph on the bytes of its inputs, in its order; `shapes` are theirs where the session does not fix them all. Outputs of fixed shapes go to the place in `memory` that begins `at`, if that is given and there are not too many such places;
   * else their bytes may be overwritten by the next run. `outputs` is missing if they are as the session declares them; `together` are all of their bytes if they lie as `layoutOf` says, `placed` whether they lie where they were to go.
   */
  run(inputs: readonly Uint8Array[], shapes?: readonly (readonly number[])[], memory?: MappedFile, at?: number): { bytes: Uint8Array[]; together?: Uint8Array; placed?: boolean; outputs?: Output[] };
  release(): void;
}

/** Places in memory that is given with a run which a session knows: what a run needs to have at hand is made once for each. */
const MOST_PLACES = 64;

/** A place for the outputs. */
interface Place {
  bytes: Uint8Array[];
  together: Uint8Array;
  run(inputs: readonly TensorBytes[]): void;
}

/** Makes a session for one job at a time. Outputs whose shapes are fixed are written into `arena`, the same place for each run, unless a run is given another. */
export function createNativeSession(runtime: OnnxRuntime, model: Uint8Array | string, options: InferenceSession.SessionOptions, arena: Arena): NativeSession {
  const session = runtime.open(model, options);
  const { info } = session;
  const feeds = info.inputs.map(({ dtype, shape }): TensorBytes => ({ dtype, shape: shape as number[], bytes: new Uint8Array(0) }));
  /** Undefined from the beginning, or once it has turned out that outputs are not as they are declared. */
  let layout = layoutOf(info);
  const places = new Map<number, Place>();
  let home: Place | undefined;

  const placeIn = (together: Uint8Array, { offsets, lengths }: Layout): Place => {
    const bytes = offsets.map((offset, i) => lasting(together.subarray(offset, offset + (lengths[i] as number))));
    return { bytes, together, run: session.into(info.outputs.map(({ dtype, shape }, i) => ({ dtype, shape: shape as number[], bytes: bytes[i] as Uint8Array }))) };
  };
  if (layout !== undefined) {
    arena.reset();
    home = placeIn(arena.take(layout.bytes), layout);
  }
  const placeAt = (memory: MappedFile, at: number, known: Layout): Place | undefined => {
    const place = places.get(at);
    if (place !== undefined || places.size >= MOST_PLACES) return place;
    const together = memory.view(at, known.bytes);
    if (together === undefined) return undefined;
    const made = placeIn(together, known);
    places.set(at, made);
    return made;
  };

  return {
    info,
    took: 0,
    run(inputs, shapes, memory, at = 0) {
      feeds.forEach((feed, i) => {
        feed.bytes = inputs[i] as Uint8Array;
        if (shapes !== undefined) feed.shape = shapes[i] as readonly number[];
      });
      if (layout !== undefined) {
        const there = memory === undefined ? undefined : placeAt(memory, at, layout);
        const { run, bytes, together } = there ?? (home as Place);
        try {
          run(feeds);
          return { bytes, together, placed: there !== undefined };
        } catch {
          // Its outputs may not have the shapes that it declares. Whatever else is wrong, the library says once more below.
        }
      }
      const given = session.run(feeds);
      layout = undefined;
      return {
        bytes: given.map(({ bytes }) => bytes),
        outputs: given.map(({ dtype, shape }, i) => ({ name: (info.outputs[i] as ValueInfo).name, dtype, shape })),
      };
    },
    release: session.release,
  };
}
