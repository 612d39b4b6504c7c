import type { PeerTarget } from "../addresses.ts";
import { networkLimits } from "../limits.ts";
import type { BlobName } from "./blobMessages.ts";
import { type BlobAssembly, type BlobVerifier, createBlobAssembly } from "./createBlobAssembly.ts";
import type { Slots } from "./createSlots.ts";
import type { StreamPool } from "./createStreamPool.ts";
import { receiveBlob } from "./receiveBlob.ts";
import type { HashedBlob } from "./receiveListed.ts";
import { type TryDependencies, tryPeers } from "./tryPeers.ts";

const limits = networkLimits.blob;

export interface FetchOptions {
  signal?: AbortSignal;
  /** Bytes of the largest blob taken; the protocol's own limit if absent. */
  maxBytes?: number;
  /** Milliseconds for each frame; opening the stream has the time of a dial. */
  timeoutMs?: number;
  /** Told about verified bytes as they come. */
  onProgress?: (progress: { heldBytes: number }) => void;
}

export interface FetchDependencies extends TryDependencies {
  verify: BlobVerifier;
  slots: Slots;
  streams: StreamPool;
}

/** Fetches one blob, peer after peer; each goes on where the last one left off. */
export async function fetchBlob(name: BlobName, peers: readonly string[], options: FetchOptions, dependencies: FetchDependencies): Promise<HashedBlob> {
  const { signal, onProgress, timeoutMs = limits.readTimeoutMs } = options;
  const assembly = createBlobAssembly(name, Math.min(options.maxBytes ?? limits.maxBlobBytes, limits.maxBlobBytes), dependencies.verify);
  const receive = { timeoutMs, onBytes: () => onProgress?.({ heldBytes: assembly.heldBytes }) };
  const { slots, streams } = dependencies;
  const attempt = async (target: PeerTarget, peer: string): Promise<HashedBlob> => {
    // Also for a peer whose bundle leaves were all there is: it must confirm them, or nobody does.
    do {
      await streams.use(target, signal, (frames) => receiveBlob(frames, name, assembly, peer, receive));
    } while (!finished(assembly));
    return { bytes: await assembly.finish(), leaves: assembly.leaves };
  };
  return tryPeers(name, peers, signal, dependencies, (target, peer) => slots.run(peer, () => attempt(target, peer), signal));
}

const finished = (assembly: BlobAssembly): boolean => assembly.complete;
