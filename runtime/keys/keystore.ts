import { z } from "zod";

/** Memory that opening a keystore may take, in bytes; a file that asks for more is refused rather than obeyed. */
const maxScryptBytes = 1 << 30;

const hexString = z.string().regex(/^([0-9a-fA-F]{2})+$/, "expected hexadecimal digits");
const key = z.string().regex(/^[0-9a-fA-F]{64}$/, "expected 32 bytes in hexadecimal");

const scryptParameters = z
  .object({ dklen: z.literal(32), n: z.number().int().min(2), r: z.number().int().min(1), p: z.number().int().min(1).max(16), salt: hexString })
  .refine(({ n }) => Number.isSafeInteger(n) && 2 ** Math.round(Math.log2(n)) === n, "n must be a power of two")
  .refine(({ n, r }) => 128 * n * r <= maxScryptBytes, "n and r ask for more than 1 GiB of memory");

const pbkdf2Parameters = z.object({ dklen: z.literal(32), c: z.number().int().min(1).max(10_000_000), prf: z.literal("hmac-sha256"), salt: hexString });

const cipher = {
  cipher: z.literal("aes-128-ctr"),
  ciphertext: key,
  cipherparams: z.object({ iv: z.string().regex(/^[0-9a-fA-F]{32}$/, "expected 16 bytes in hexadecimal") }),
  mac: key,
};

/** Web3 Secret Storage, version 3, with the ciphers and derivations that wallets use. `address` is optional, as in Foundry's files. */
export const keystoreSchema = z.object({
  version: z.literal(3),
  id: z.string(),
  address: z
    .string()
    .regex(/^(0x)?[0-9a-fA-F]{40}$/, "expected an address")
    .optional(),
  crypto: z.discriminatedUnion("kdf", [
    z.object({ ...cipher, kdf: z.literal("scrypt"), kdfparams: scryptParameters }),
    z.object({ ...cipher, kdf: z.literal("pbkdf2"), kdfparams: pbkdf2Parameters }),
  ]),
});

export type Keystore = z.infer<typeof keystoreSchema>;
