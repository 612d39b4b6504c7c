import type { Ed25519PrivateKey } from "@libp2p/interface";
import { GainsayError } from "../../protocol/errors.ts";
import { createIdentity, readIdentity } from "../network/identity.ts";
import { readPrivateFile, writePrivateFile } from "./privateFile.ts";

/**
 * The node's libp2p identity from its file (Ed25519, libp2p's protobuf form, mode 0600), which is made at the first start.
 * It is a key of its own: the account's key never leaves its keystore for the network.
 * @throws GainsayError `IDENTITY_INVALID`, `FILE_NOT_PRIVATE`, `FILE_NOT_READABLE` or `FILE_NOT_WRITABLE`.
 */
export async function loadIdentity(file: string): Promise<Ed25519PrivateKey> {
  const stored = await readPrivateFile(file);
  if (stored !== undefined) return parse(stored, file);
  const bytes = await createIdentity();
  try {
    await writePrivateFile(file, bytes);
    return readIdentity(bytes);
  } catch (error) {
    if (!(error instanceof GainsayError) || error.code !== "FILE_EXISTS") throw error;
    // Another process of the same home was first: its identity is the one.
    const theirs = await readPrivateFile(file);
    if (theirs === undefined) throw error;
    return parse(theirs, file);
  }
}

function parse(bytes: Uint8Array, file: string): Ed25519PrivateKey {
  try {
    return readIdentity(bytes);
  } catch (cause) {
    throw new GainsayError("The network identity file is damaged; remove it, and a new identity is made at the next start.", { code: "IDENTITY_INVALID", kind: "usage", details: { file }, cause });
  }
}
