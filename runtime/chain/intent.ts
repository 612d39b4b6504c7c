import { z } from "zod";
import type { Hex } from "../../protocol/hex.ts";

const hex = z.custom<Hex>((value) => typeof value === "string" && /^0x([0-9a-fA-F]{2})*$/.test(value));
const wei = z.string().regex(/^\d+$/).transform(BigInt);

const intentSchema = z.strictObject({
  version: z.literal(1),
  /** Name of the contract call, for people. */
  call: z.string(),
  nonce: z.number().int().nonnegative(),
  to: hex,
  data: hex,
  value: wei,
  gas: wei,
  /** Of the newest version. */
  maxFeePerGas: wei,
  maxPriorityFeePerGas: wei,
  /** Of all versions that are, or were about to be, broadcast; the newest is last. */
  hashes: z.array(hex).min(1),
  /** When the newest one was signed, milliseconds since the epoch. */
  signedAt: z.number(),
});

/** A transaction that is about to be broadcast, with all that it takes to find it again and to replace it. */
export type Intent = Omit<z.infer<typeof intentSchema>, "version">;

export function encodeIntent(intent: Intent): string {
  return JSON.stringify({ version: 1, ...intent }, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** Throws what `JSON.parse` and zod throw if the text is no intent. */
export function decodeIntent(text: string): Intent {
  const { version: _, ...intent } = intentSchema.parse(JSON.parse(text));
  return intent;
}
