import { padded } from "./frames.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { SessionInfo } from "./types.ts";

/** Where the outputs of a session lie, side by side, each at the next multiple of `FRAME_ALIGNMENT`. */
export interface Layout {
  offsets: readonly number[];
  lengths: readonly number[];
  bytes: number;
}

/** The layout of the outputs that a session writes where it is told; undefined if it has others: of open shapes, or an input that is an output too, which ONNX Runtime gives back where it lies. */
export function layoutOf({ inputs, outputs }: Pick<SessionInfo, "inputs" | "outputs">): Layout | undefined {
  const given = new Set(inputs.map(({ name }) => name));
  if (!outputs.every(({ name, shape }) => !given.has(name) && shape.every((size) => typeof size === "number"))) return undefined;
  const lengths = outputs.map(({ dtype, shape }) => tensorByteLength(dtype, shape as number[]));
  const offsets: number[] = [];
  let bytes = 0;
  for (const length of lengths) {
    const at = padded(bytes);
    offsets.push(at);
    bytes = at + length;
  }
  return { offsets, lengths, bytes };
}
