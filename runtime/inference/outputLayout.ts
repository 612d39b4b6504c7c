import { padded, padding } from "./frames.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { ValueInfo } from "./types.ts";

/** Where the outputs of a session lie, side by side, each at the next multiple of `FRAME_ALIGNMENT`. */
export interface Layout {
  offsets: readonly number[];
  lengths: readonly number[];
  bytes: number;
}

/** The layout of outputs whose shapes are fixed; undefined for others. */
export function layoutOf(outputs: readonly ValueInfo[]): Layout | undefined {
  if (!outputs.every(({ shape }) => shape.every((size) => typeof size === "number"))) return undefined;
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

/** Outputs and what lies between them, as in the layout. */
export function padOutputs(outputs: readonly Uint8Array[]): Uint8Array[] {
  return outputs.flatMap((bytes, i) => {
    const gap = padded(bytes.length) - bytes.length;
    return gap === 0 || i === outputs.length - 1 ? [bytes] : [bytes, padding.subarray(0, gap)];
  });
}
