import { createHash, randomBytes } from "node:crypto";

/**
 * Decides which commitments are checked: each with probability `rate`, always the same answer for the same key, and not to be foretold
 * by an executor, since the secret is made anew at every start.
 */
export function createSampler(rate: number, secret: Uint8Array = randomBytes(32)): (key: string) => boolean {
  if (rate >= 1) return () => true;
  return (key) => createHash("sha256").update(secret).update(key).digest().readUIntBE(0, 6) / 2 ** 48 < rate;
}
