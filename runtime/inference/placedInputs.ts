import { fill } from "../hashing/filePart.ts";
import { alignedMemory } from "./alignedMemory.ts";
import type { Region, Spool } from "./createSpool.ts";
import { padded, paddedTotal, setPadded } from "./frames.ts";
import type { MappedFile } from "../mapFile.ts";

/** Inputs of so many bytes together go into the spool, if it is mapped: each is copied once there, and three times by a pipe. */
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;

/** Inputs on their way to the inference process. */
export interface SentInputs {
  /** Of the message: the inputs, or where they are. */
  parts: Uint8Array[];
  /** Where they are, until they are no longer needed. */
  region?: Region;
}

/** Puts inputs where the inference process finds them. */
export function sendInputs(inputs: readonly Uint8Array[], spool: Pick<Spool, "reserve"> | undefined): SentInputs {
  const bytes = paddedTotal(inputs);
  const region = bytes >= LEAST_BYTES && bytes <= MOST_BYTES ? spool?.reserve(bytes) : undefined;
  if (region?.mapped !== true) {
    region?.release();
    return { parts: [...inputs] };
  }
  setPadded(region.view(0, bytes), 0, inputs);
  return { parts: [new Uint8Array(Float64Array.of(region.offset, ...inputs.map(({ length }) => length)).buffer)], region };
}

/** The inputs that lie where a message says, in `memory`, or if they are not to be had there in the file. */
export function placedInputs(part: Uint8Array, memory: MappedFile, fd: number): Uint8Array[] {
  const [place, ...lengths] = new Float64Array(part.buffer, part.byteOffset, part.length / 8) as unknown as [number, ...number[]];
  let at = place;
  return lengths.map((length) => {
    const from = at;
    at += padded(length);
    const input = memory.view(from, length);
    if (input !== undefined) return input;
    const copy = alignedMemory(length);
    if (!fill(copy, fd, from)) throw new Error("the inputs are not where they are said to be");
    return copy;
  });
}
