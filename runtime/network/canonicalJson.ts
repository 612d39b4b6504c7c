import { GainsayError } from "../../protocol/errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Encodes a value as canonical JSON in UTF-8 (RFC 8785: no spaces, object keys in UTF-16 code unit order), so that a value
 * has one encoding only.
 * @throws GainsayError `JSON_INVALID` for values that JSON cannot carry.
 */
export function encodeCanonical(value: unknown): Uint8Array {
  return encoder.encode(write(value));
}

/**
 * Decodes canonical JSON; any other encoding of the same value is refused, duplicate keys and byte-order marks included.
 * @throws GainsayError `JSON_INVALID`.
 */
export function decodeCanonical(bytes: Uint8Array): unknown {
  let value: unknown;
  let again: Uint8Array;
  try {
    value = JSON.parse(decoder.decode(bytes));
    again = encodeCanonical(value);
  } catch (cause) {
    throw invalid(cause);
  }
  if (Buffer.compare(again, bytes) !== 0) throw invalid();
  return value;
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    // Code unit order is what the standard asks for, and what the default comparison of strings does.
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw invalid();
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return JSON.stringify(value);
  }
  throw invalid();
}

function invalid(cause?: unknown): GainsayError {
  return new GainsayError("A message is not canonical JSON; send it as RFC 8785 describes.", { code: "JSON_INVALID", cause });
}
