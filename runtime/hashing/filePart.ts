import { readSync } from "node:fs";

/** Bytes of a file that is open in this process. */
export interface FilePart {
  fd: number;
  at: number;
  byteLength: number;
  /** If the file may be mapped: a number that no other file has had in this process. */
  mapped?: number;
}

/** Reads them into `target`, of their length, which it returns. */
export function readPart({ fd, at }: FilePart, target: Uint8Array): Uint8Array {
  if (!fill(target, fd, at)) throw new Error("the file ends before what is to be hashed");
  return target;
}

/** Fills `target` with the bytes of a file from a place on; false if the file ends before. */
export function fill(target: Uint8Array, fd: number, at: number): boolean {
  for (let read = 0; read < target.length; ) {
    const count = readSync(fd, target, read, target.length - read, at + read);
    if (count === 0) return false;
    read += count;
  }
  return true;
}
