/** Entry of a hashing thread: answers its tasks one after the other, each once the hashes stand in the shared outputs. */
import { parentPort } from "node:worker_threads";
import { subtreeTop } from "../../protocol/trees/merkle.ts";
import { tensorLeaves } from "../../protocol/trees/tensorTree.ts";
import { mapFile, type MappedFile } from "../mapFile.ts";
import { readPart, type FilePart } from "./filePart.ts";
import { createLastingRoom } from "./lastingRoom.ts";

export interface LeafTask {
  /** Chunks to hash, in memory or in a file; if missing, `leaves` holds their hashes already. */
  chunks?: Uint8Array | FilePart;
  /** Hashes of the chunks. */
  leaves: Uint8Array;
  /** Where the top of the subtree over these leaves goes, and its height; missing if nobody wants it. */
  top?: Uint8Array;
  height: number;
}

export interface LeafAnswer {
  error?: string;
}

/** Where parts of files are read to; nearly all are equally long. */
const room = createLastingRoom(64);

/** The mapped file that was looked at last. */
let last: { file: number; memory: MappedFile } | undefined;

const port = parentPort;
port?.on("message", ({ chunks, leaves, top, height }: LeafTask) => {
  const answer: LeafAnswer = {};
  try {
    if (chunks !== undefined) leaves.set(tensorLeaves(chunks instanceof Uint8Array ? chunks : (viewPart(chunks) ?? readPart(chunks, room(0, chunks.byteLength)))));
    if (top !== undefined) top.set(subtreeTop(leaves, height));
  } catch (error) {
    answer.error = error instanceof Error ? error.message : String(error);
  }
  port.postMessage(answer);
});

/** A part of a file where it lies in memory, if it may be mapped and can be. */
function viewPart({ fd, at, byteLength, mapped }: FilePart): Uint8Array | undefined {
  if (mapped === undefined) return undefined;
  if (last?.file !== mapped) last = { file: mapped, memory: mapFile(fd) };
  return last.memory.view(at, byteLength);
}
