import { readSync } from "node:fs";

/** Bytes of a file that is open in this process. */
export interface FilePart {
  fd: number;
  at: number;
  byteLength: number;
}

/** Reads them into `target`, of their length, which it returns. */
export function readPart({ fd, at, byteLength }: FilePart, target: Uint8Array): Uint8Array {
  for (let read = 0; read < byteLength; ) {
    const count = readSync(fd, target, read, byteLength - read, at + read);
    if (count === 0) throw new Error("the file ends before what is to be hashed");
    read += count;
  }
  return target;
}
