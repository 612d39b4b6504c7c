import { GainsayError } from "../../../protocol/errors.ts";
import { domains, type ListDomain } from "../../../protocol/trees/domains.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { tensorRootFromLeaves } from "../../../protocol/trees/tensorTree.ts";
import type { BlobVerifier } from "./createBlobAssembly.ts";

const listDomains = ["trace", "inner", "inputs", "outputs", "steps", "blocks"] as const satisfies readonly ListDomain[];

/** The roots of the protocol (docs/protocol.md §1). A list is named by its domain as it is hashed, such as `gainsay.trace.1`. */
export const treeVerifier: BlobVerifier = {
  tensorRootFromLeaves,
  listRootFromLeaves(domain, leaves) {
    const known = listDomains.find((name) => domains[name] === domain);
    if (known !== undefined) return listRoot(known, leaves);
    throw new GainsayError("The domain is not one of a list.", { code: "BLOB_NAME_INVALID", details: { domain } });
  },
};
