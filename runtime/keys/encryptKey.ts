import { randomBytes, randomUUID } from "node:crypto";
import * as OxKeystore from "ox/Keystore";
import { privateKeyToAccount } from "viem/accounts";
import type { Hex } from "../../protocol/hex.ts";
import { deriveKey } from "./deriveKey.ts";
import type { Keystore } from "./keystore.ts";

/** Cost of a keystore for real money: about a second and 256 MiB an attempt. Foundry's `cast` opens such files. */
export const SCRYPT_N = 262_144;
/** Cost of a keystore for a devnet's throw-away keys. */
export const SCRYPT_N_LIGHT = 4_096;

export interface EncryptOptions {
  /** scrypt's cost, a power of two; r is 8 and p is 1. */
  scryptN?: number;
}

/** Encrypts a private key as a version 3 keystore (scrypt, AES-128-CTR). */
export async function encryptKey(privateKey: Hex, password: string, options: EncryptOptions = {}): Promise<Keystore> {
  const kdfparams = { dklen: 32 as const, n: options.scryptN ?? SCRYPT_N, r: 8, p: 1, salt: randomBytes(32).toString("hex") };
  const derived = await deriveKey({ kdf: "scrypt", kdfparams }, password);
  const encrypted = OxKeystore.encrypt(privateKey, derived, { kdf: "scrypt", kdfparams, iv: new Uint8Array(randomBytes(16)), id: randomUUID() });
  const { ciphertext, cipherparams, mac } = encrypted.crypto;
  return {
    version: 3,
    id: encrypted.id,
    address: privateKeyToAccount(privateKey).address.slice(2).toLowerCase(),
    crypto: { cipher: "aes-128-ctr", ciphertext, cipherparams, kdf: "scrypt", kdfparams, mac },
  };
}
