/** Entry of a hashing thread: answers each task with its number once the hashes stand in the shared outputs. */
import { parentPort } from "node:worker_threads";
import { subtreeTop } from "../../protocol/trees/merkle.ts";
import { tensorLeaves } from "../../protocol/trees/tensorTree.ts";

export interface LeafTask {
  id: number;
  /** Chunks to hash; if missing, `leaves` holds their hashes already. */
  chunks?: Uint8Array;
  /** Hashes of the chunks. */
  leaves: Uint8Array;
  /** Where the top of the subtree over these leaves goes, and its height; missing if nobody wants it. */
  top?: Uint8Array;
  height: number;
}

export interface LeafAnswer {
  id: number;
  error?: string;
}

const port = parentPort;
port?.on("message", ({ id, chunks, leaves, top, height }: LeafTask) => {
  const answer: LeafAnswer = { id };
  try {
    if (chunks !== undefined) leaves.set(tensorLeaves(chunks));
    if (top !== undefined) top.set(subtreeTop(leaves, height));
  } catch (error) {
    answer.error = error instanceof Error ? error.message : String(error);
  }
  port.postMessage(answer);
});
