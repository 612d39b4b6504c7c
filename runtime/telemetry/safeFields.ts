import { GainsayError } from "../../protocol/errors.ts";

const secretNames = /^(password|passphrase|secret|mnemonic|seed|private_?key|raw_?key|authorization|token)$/i;
const maxString = 500;
const maxBytesShown = 32;
const maxDepth = 4;
const maxItems = 50;

/** Fields as they may be written to a log: bytes as hexadecimal, bigints as decimal text, no control characters, no secrets, bounded. */
export function safeFields(fields: object): Record<string, unknown> {
  return safeObject(fields, 0);
}

function safeObject(value: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, maxItems);
  return Object.fromEntries(entries.map(([key, item]) => [cleanText(key), secretNames.test(key) ? "[redacted]" : safeValue(item, depth + 1)]));
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) {
    const shown = Buffer.from(value.subarray(0, maxBytesShown)).toString("hex");
    return value.length > maxBytesShown ? `0x${shown}… (${value.length} bytes)` : `0x${shown}`;
  }
  if (value instanceof Error) return safeError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (depth >= maxDepth) return Array.isArray(value) ? `[${value.length} items]` : "[object]";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => safeValue(item, depth + 1));
  return safeObject(value, depth);
}

function safeError(error: Error, depth: number): Record<string, unknown> {
  const known = error instanceof GainsayError ? { code: error.code, retryable: error.retryable, details: depth < maxDepth ? safeObject(error.details, depth) : undefined } : { type: error.name };
  const cause = error.cause instanceof Error && depth < maxDepth ? { cause: safeError(error.cause, depth + 1) } : {};
  // viem's long message repeats the endpoint's URL, which often holds a secret, and the whole request.
  const message = "shortMessage" in error && typeof error.shortMessage === "string" ? error.shortMessage : error.message;
  return { ...known, message: cleanText(message), ...cause };
}

/** Control, formatting and bidirectional characters could forge lines or colours of a terminal. */
function cleanText(text: string): string {
  const short = text.length > maxString ? `${text.slice(0, maxString)}… (${text.length} characters)` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === "\n" ? " " : `\\u{${(character.codePointAt(0) as number).toString(16)}}`));
}
