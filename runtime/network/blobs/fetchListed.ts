import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import type { ListAsker } from "./createListAsker.ts";
import type { FetchOptions } from "./fetchBlob.ts";
import type { Listed, ListedWish } from "./receiveListed.ts";
import { type TryDependencies, tryPeers } from "./tryPeers.ts";

const limits = networkLimits.blob;

/** Fetches a list with its tensors, peer after peer. Resolves to undefined if the rest is to be asked for one by one: see `Blobs.fetchListed`. */
export async function fetchListed(wish: ListedWish, peers: readonly string[], { signal, timeoutMs = limits.readTimeoutMs }: Pick<FetchOptions, "signal" | "timeoutMs">, dependencies: TryDependencies & { lists: ListAsker }): Promise<Listed | undefined> {
  if (wish.lengths.length > limits.listed.maxItems) return undefined;
  let declined = false;
  try {
    return await tryPeers(wish.list, peers, signal, dependencies, async (target, peer) => {
      const listed = await dependencies.lists.ask(target, wish, { signal, timeoutMs });
      if (listed !== undefined) return listed;
      declined = true;
      throw new GainsayError("The peer does not send this list with its tensors; ask for them one by one.", { code: "BLOB_UNLISTED", details: { peer } });
    });
  } catch (error) {
    if (declined && signal?.aborted !== true) return undefined;
    throw error;
  }
}
