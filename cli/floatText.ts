/** Value of float32 bits. */
export function floatOfBits(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** The decimal number with the fewest digits that a float32 rounds to it; what JSON lacks stays what it is. */
export function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(candidate), value)) return candidate;
  }
  return value;
}

/** float32 bits as text. */
export function floatText(bits: number): string {
  const value = shortestFloat(floatOfBits(bits));
  return Object.is(value, -0) ? "-0" : String(value);
}
