import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import type { FetchDependencies, FetchOptions } from "./fetchBlob.ts";
import { type Listed, type ListedWish, receiveListed } from "./receiveListed.ts";
import { tryPeers } from "./tryPeers.ts";

const limits = networkLimits.blob;

/** Fetches a list with its tensors, peer after peer. Resolves to undefined if the rest is to be asked for one by one: see `Blobs.fetchListed`. */
export async function fetchListed(wish: ListedWish, peers: readonly string[], { signal, timeoutMs = limits.readTimeoutMs }: Pick<FetchOptions, "signal" | "timeoutMs">, dependencies: FetchDependencies): Promise<Listed | undefined> {
  if (wish.lengths.length > limits.listed.maxItems) return undefined;
  let declined = false;
  try {
    return await tryPeers(wish.list, peers, signal, dependencies, async (target, peer) => {
      const listed = await dependencies.streams.use(target, signal, async (frames, kept) => {
        if (kept) return receiveListed(frames, wish, dependencies.verify, peer, timeoutMs);
        frames.abort(unanswered(peer));
        return undefined;
      });
      if (listed !== undefined) return listed;
      declined = true;
      throw unanswered(peer);
    });
  } catch (error) {
    if (declined && signal?.aborted !== true) return undefined;
    throw error;
  }
}

function unanswered(peer: string): GainsayError {
  return new GainsayError("The peer does not send this list with its tensors; ask for them one by one.", { code: "BLOB_UNLISTED", details: { peer } });
}
