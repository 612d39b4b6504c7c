const scratch = new DataView(new ArrayBuffer(4));

/** Bits of the float32 with the value of a binary16; a NaN keeps its payload. */
export function halfToFloatBits(bits: number): number {
  const sign = (bits & 0x8000) * 2 ** 16;
  const magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) return sign + 0x7f800000 + (magnitude & 0x3ff) * 2 ** 13;
  if (magnitude >= 0x400) return sign + magnitude * 2 ** 13 + 0x38000000;
  scratch.setFloat32(0, magnitude * 2 ** -24);
  return sign + scratch.getUint32(0);
}

/** Value of IEEE 754 binary16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Bits of the binary16 number nearest to a value, ties to even; too large becomes infinite. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // The spacing of half floats around the value; below the normal range it stays 2^-24.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || Number.MIN_VALUE)));
  const spacing = 2 ** (exponent - 10);
  const rounded = roundToEven(magnitude / spacing) * spacing;
  if (rounded < 2 ** -14) return sign | Math.round(rounded * 2 ** 24);
  const power = Math.floor(Math.log2(rounded));
  return sign | ((power + 15) << 10) | (Math.round(rounded * 2 ** (10 - power)) - 1024);
}

/** Value of bfloat16 bits: the upper half of a float32. */
export function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** Bits of the bfloat16 number nearest to the float32 nearest to a value, ties to even. */
export function numberToBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
