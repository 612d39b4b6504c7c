import { privateKeyToAccount } from "viem/accounts";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";

/** Reads a private key of 64 hexadecimal digits, with or without 0x. Throws `KEY_MALFORMED`, which never repeats the text. */
export function parsePrivateKey(text: string): Hex {
  const digits = text.trim().replace(/^0x/i, "");
  const privateKey: Hex = `0x${digits.toLowerCase()}`;
  try {
    if (!/^[0-9a-f]{64}$/i.test(digits)) throw new Error("wrong length or digits");
    privateKeyToAccount(privateKey);
  } catch {
    throw new GainsayError("A private key is 64 hexadecimal digits of a number within the order of the secp256k1 curve.", { code: "KEY_MALFORMED", kind: "usage" });
  }
  return privateKey;
}
