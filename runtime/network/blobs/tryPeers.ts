import { GainsayError } from "../../../protocol/errors.ts";
import { groupByPeer, type PeerTarget } from "../addresses.ts";
import { networkLimits } from "../limits.ts";
import { aborted } from "../withDeadline.ts";
import { type BlobName, blobName } from "./blobMessages.ts";

const limits = networkLimits.blob;

export interface TryDependencies {
  /** Peer id of this node, which asks itself for nothing. */
  self: string;
  /** Told which peers sent wrong data. */
  onCorrupt(peers: readonly string[], error: GainsayError): void;
}

/** Asks peer after peer for a blob until one attempt resolves. Throws what `Blobs.fetch` says. */
export async function tryPeers<T>(name: BlobName, peers: readonly string[], signal: AbortSignal | undefined, { self, onCorrupt }: TryDependencies, attempt: (target: PeerTarget, peer: string) => Promise<T>): Promise<T> {
  if (!blobName.safeParse(name).success) {
    throw new GainsayError("The name of the blob is malformed; write its root as 32 bytes in lower-case hex.", { code: "BLOB_NAME_INVALID", kind: "usage" });
  }
  const targets = groupByPeer(peers).filter(({ peer }) => peer.toString() !== self).slice(0, limits.maxPeersPerFetch);
  const failures: { peer: string; error: GainsayError }[] = [];
  for (const target of targets) {
    const peer = target.peer.toString();
    try {
      return await attempt(target, peer);
    } catch (cause) {
      if (signal?.aborted === true) throw aborted(signal);
      if (!(cause instanceof GainsayError)) throw cause;
      failures.push({ peer, error: cause });
      if (cause.code === "BLOB_CORRUPT") onCorrupt(cause.details["peers"] as string[], cause);
    }
  }
  throw summary(name, failures);
}

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
