/** Integers as 32-byte big-endian words in two's complement, as `abi.encode` writes them. */
export function abiWords(...values: bigint[]): Uint8Array {
  const bytes = new Uint8Array(32 * values.length);
  values.forEach((value, k) => {
    let rest = BigInt.asUintN(256, value);
    for (let i = 31; i >= 0; i--) {
      bytes[32 * k + i] = Number(rest & 255n);
      rest >>= 8n;
    }
  });
  return bytes;
}
