import { GainsayError } from "./errors.ts";

/** A 0x-prefixed lower-case hexadecimal string. */
export type Hex = `0x${string}`;

/** Writes bytes as `0x…`. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

/** Reads `0x…`; throws `HEX_MALFORMED` for anything else. */
export function fromHex(hex: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(hex)) {
    throw new GainsayError("Expected an even number of hexadecimal digits after 0x.", { code: "HEX_MALFORMED", kind: "usage", details: { value: hex.slice(0, 80) } });
  }
  return new Uint8Array(Buffer.from(hex.slice(2), "hex"));
}
