import type { Stream } from "@libp2p/interface";
import { GainsayError } from "../../../protocol/errors.ts";
import { groupByPeer, type PeerTarget } from "../addresses.ts";
import { networkLimits } from "../limits.ts";
import { aborted } from "../withDeadline.ts";
import { type BlobName, blobName } from "./blobMessages.ts";
import { type BlobAssembly, type BlobVerifier, createBlobAssembly } from "./createBlobAssembly.ts";
import type { Slots } from "./createSlots.ts";
import { receiveBlob } from "./receiveBlob.ts";

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

export interface FetchDependencies {
  verify: BlobVerifier;
  slots: Slots;
  /** Peer id of this node, which asks itself for nothing. */
  self: string;
  /** Opens a blob stream to a peer. */
  open(target: PeerTarget, signal: AbortSignal | undefined): Promise<Stream>;
  /** Told which peers sent wrong data. */
  onCorrupt(peers: readonly string[], error: GainsayError): void;
}

/** Fetches one blob, peer after peer; each goes on where the last one left off. */
export async function fetchBlob(
  name: BlobName,
  peers: readonly string[],
  options: FetchOptions,
  dependencies: FetchDependencies,
): Promise<Uint8Array> {
  const { signal, onProgress, timeoutMs = limits.readTimeoutMs } = options;
  if (!blobName.safeParse(name).success) {
    throw new GainsayError("The name of the blob is malformed; write its root as 32 bytes in lower-case hex.", { code: "BLOB_NAME_INVALID", kind: "usage" });
  }
  const targets = groupByPeer(peers).filter(({ peer }) => peer.toString() !== dependencies.self).slice(0, limits.maxPeersPerFetch);
  const assembly = createBlobAssembly(name, Math.min(options.maxBytes ?? limits.maxBlobBytes, limits.maxBlobBytes), dependencies.verify);
  const failures: { peer: string; error: GainsayError }[] = [];
  const receive = { timeoutMs, signal, onBytes: () => onProgress?.({ heldBytes: assembly.heldBytes }) };

  for (const target of targets) {
    const peer = target.peer.toString();
    try {
      return await dependencies.slots.run(peer, () => fromOnePeer(target, peer), signal);
    } catch (cause) {
      if (signal?.aborted === true) throw aborted(signal);
      if (!(cause instanceof GainsayError)) throw cause;
      failures.push({ peer, error: cause });
      if (cause.code === "BLOB_CORRUPT") dependencies.onCorrupt(cause.details["peers"] as string[], cause);
    }
  }
  throw summary(name, failures);

  async function fromOnePeer(target: PeerTarget, peer: string): Promise<Uint8Array> {
    // Also for a peer whose bundle leaves were all there is: it must confirm them, or nobody does.
    do {
      const stream = await dependencies.open(target, signal);
      await receiveBlob(stream, name, assembly, peer, receive);
    } while (!finished(assembly));
    return assembly.finish();
  }
}

const finished = (assembly: BlobAssembly): boolean => assembly.complete;

function summary(name: BlobName, failures: readonly { peer: string; error: GainsayError }[]): GainsayError {
  const [first] = failures;
  const codes = new Set(failures.map(({ error }) => error.code));
  const attempts = failures.map(({ peer, error }) => ({ peer, code: error.code }));
  if (first !== undefined && codes.size === 1) {
    const { message, code, kind, retryable, details } = first.error;
    return new GainsayError(message, { code, kind, retryable, details: { ...details, name, attempts }, cause: first.error });
  }
  return new GainsayError("No peer delivered the blob; try again with more peers.", {
    code: "BLOB_UNAVAILABLE",
    retryable: true,
    details: { name, attempts },
    cause: failures.at(-1)?.error,
  });
}
