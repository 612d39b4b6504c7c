import { createPrivateKey, createPublicKey } from "node:crypto";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyFromRaw, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey, PrivateKey } from "@libp2p/interface";
import { GainsayError } from "../../protocol/errors.ts";

/** RFC 8410: what precedes the 32 bytes of an Ed25519 seed in PKCS #8. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** Makes a new Ed25519 network identity, as the protobuf bytes that libp2p implementations exchange. */
export async function createIdentity(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}

/**
 * Reads a network identity: a libp2p protobuf private key, or a raw Ed25519 key of 32 (seed) or 64 (seed and public key) bytes.
 * @throws GainsayError `IDENTITY_INVALID`.
 */
export function readIdentity(bytes: Uint8Array): Ed25519PrivateKey {
  let key: PrivateKey;
  try {
    if (bytes.length === 32) key = privateKeyFromRaw(withPublicKey(bytes));
    else if (bytes.length === 64) key = privateKeyFromRaw(bytes);
    else key = privateKeyFromProtobuf(bytes);
  } catch (cause) {
    throw invalid(bytes.length, cause);
  }
  if (key.type !== "Ed25519") throw invalid(bytes.length);
  return key;
}

function withPublicKey(seed: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.concat([seed, Buffer.from(x ?? "", "base64url")]);
}

function invalid(length: number, cause?: unknown): GainsayError {
  return new GainsayError("The network identity is not an Ed25519 private key; create a new one.", {
    code: "IDENTITY_INVALID",
    kind: "usage",
    details: { length },
    cause,
  });
}
