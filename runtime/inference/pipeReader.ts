/**
 * Entry of the thread of the inference process that reads the daemon's requests, so that the next one is here when a run is over. When the daemon closes the
 * pipe, or is gone, the process has a moment to end by itself; native code that runs on is ended with it.
 */
import { readSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { fillRing, type Ring } from "./frameRing.ts";

/** The file descriptor at which the inference process reads. */
const REQUESTS = 3;
const GRACE_MS = 1_000;

try {
  fillRing(workerData as Ring, (target, offset, length) => readSync(REQUESTS, target, offset, length, null));
} finally {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRACE_MS);
  process.kill(process.pid, "SIGKILL");
}
