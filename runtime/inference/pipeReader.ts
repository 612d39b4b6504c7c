/**
 * Entry of the thread of the inference process that reads the daemon's requests, so that the next one is here when a run is over; until it has started, the process reads them itself. When the daemon closes the
 * pipe, or is gone, the process has a moment to end by itself; native code that runs on is ended with it.
 */
import { workerData } from "node:worker_threads";
import { fillRing, type Ring } from "./frameRing.ts";
import { readRequests } from "./readRequests.ts";

const GRACE_MS = 1_000;

try {
  fillRing(workerData as Ring, readRequests);
} finally {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRACE_MS);
  process.kill(process.pid, "SIGKILL");
}
