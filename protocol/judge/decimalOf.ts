/** numerator / denominator · 2^−exponent in decimal with 20 significant digits, such as `-1.2345678901234567890e-7`. */
export function decimalOf(numerator: bigint, denominator: bigint, exponent: number): string {
  if (numerator === 0n) return "0";
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  const scale = denominator << BigInt(exponent);
  // A power of ten below the value, from the numbers of decimal digits.
  let power = magnitude.toString().length - scale.toString().length - 1;
  let digits = scaled(magnitude, scale, 20 - power);
  // One digit too many unless the estimate was exact; rounding is towards zero.
  while (digits.length > 20) {
    digits = digits.slice(0, -1);
    power++;
  }
  const text = `${digits.slice(0, 1)}.${digits.slice(1)}e${power - 1 + (digits.length - 20)}`;
  return negative ? `-${text}` : text;
}

function scaled(magnitude: bigint, scale: bigint, places: number): string {
  const value = places >= 0 ? (magnitude * 10n ** BigInt(places)) / scale : magnitude / (scale * 10n ** BigInt(-places));
  return value.toString();
}
