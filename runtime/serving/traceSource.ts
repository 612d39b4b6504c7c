import { domains } from "../../protocol/trees/domains.ts";
import type { BlobSource } from "../network/blobs/serveBlob.ts";
import type { StoredListDomain, TraceStore } from "../traces/createTraceStore.ts";

const listDomains: Readonly<Record<string, StoredListDomain>> = { [domains.trace]: "trace", [domains.inputs]: "inputs", [domains.outputs]: "outputs" };

/** Serves the tensors and lists of the stored traces to peers. */
export function traceSource(store: Pick<TraceStore, "openTensor" | "openList">): BlobSource {
  return {
    async open(name) {
      if (name.kind === "tensor") return store.openTensor(name.root);
      if (name.kind !== "list") return undefined;
      const domain = listDomains[name.domain];
      const items = domain === undefined ? undefined : store.openList(name.root, domain);
      if (items === undefined) return undefined;
      return { byteLength: items.length, leaves: async () => items, read: async (offset, length) => items.subarray(offset, offset + length) };
    },
  };
}
