import { pbkdf2, scrypt } from "node:crypto";
import { promisify } from "node:util";
import * as OxKeystore from "ox/Keystore";
import { toHex, type Hex } from "../../protocol/hex.ts";
import type { Keystore } from "./keystore.ts";

type Derivation = { [K in Keystore["crypto"]["kdf"]]: Pick<Extract<Keystore["crypto"], { kdf: K }>, "kdf" | "kdfparams"> }[Keystore["crypto"]["kdf"]];

/** Derives a keystore's 32-byte key from the password, off the event loop. */
export async function deriveKey(derivation: Derivation, password: string): Promise<Hex> {
  const salt = Buffer.from(derivation.kdfparams.salt, "hex");
  if (derivation.kdf === "pbkdf2") return toHex(await promisify(pbkdf2)(password, salt, derivation.kdfparams.c, 32, "sha256"));
  const { n, r, p } = derivation.kdfparams;
  // RFC 7914 wants n < 2^(16·r), and OpenSSL insists; some wallets write r = 1 with a larger n all the same.
  if (16 * r < 53 && n >= 2 ** (16 * r)) {
    const [key] = OxKeystore.scrypt({ password, salt: new Uint8Array(salt), n, r, p });
    return key();
  }
  const derived = promisify(scrypt) as (password: string, salt: Buffer, length: number, options: { N: number; r: number; p: number; maxmem: number }) => Promise<Buffer>;
  return toHex(await derived(password, salt, 32, { N: n, r, p, maxmem: 128 * r * (n + p) + (1 << 20) }));
}
