import { readSync } from "node:fs";

/** The file descriptor at which the inference process reads. */
const REQUESTS = 3;

/** Reads what the daemon has written; blocks until there is something, and gives 0 when it has closed the pipe. */
export function readRequests(target: Uint8Array, offset: number, length: number): number {
  return readSync(REQUESTS, target, offset, length, null);
}
