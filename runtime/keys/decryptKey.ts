import * as OxKeystore from "ox/Keystore";
import { privateKeyToAccount } from "viem/accounts";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { deriveKey } from "./deriveKey.ts";
import type { Keystore } from "./keystore.ts";

/**
 * Decrypts a keystore's private key.
 * @throws GainsayError `KEY_WRONG_PASSWORD`, or `KEY_MALFORMED` if the key is not that of the file's address.
 */
export async function decryptKey(keystore: Keystore, password: string): Promise<Hex> {
  const derived = await deriveKey(keystore.crypto, password);
  let privateKey: Hex;
  try {
    privateKey = OxKeystore.decrypt(keystore as OxKeystore.Keystore, derived);
  } catch {
    throw new GainsayError("The password does not open this keystore.", { code: "KEY_WRONG_PASSWORD", kind: "usage" });
  }
  let address: string;
  try {
    address = privateKeyToAccount(privateKey).address.slice(2).toLowerCase();
  } catch {
    throw new GainsayError("The keystore does not hold a private key of the secp256k1 curve.", { code: "KEY_MALFORMED", kind: "usage" });
  }
  if (keystore.address !== undefined && keystore.address.replace(/^0x/, "").toLowerCase() !== address) {
    throw new GainsayError("The keystore names an address that is not the one of its key.", { code: "KEY_MALFORMED", kind: "usage" });
  }
  return privateKey;
}
