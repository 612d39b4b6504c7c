import { dtypeBytes, dtypes, type Dtype } from "../../../protocol/program/types.ts";

export const integerTypes = [dtypes.uint8, dtypes.int8, dtypes.uint16, dtypes.int16, dtypes.uint32, dtypes.int32, dtypes.uint64, dtypes.int64, dtypes.bool] as const;
export const halfTypes = [dtypes.float16, dtypes.bfloat16] as const;

/** A seeded source of pseudo-random choices (mulberry32), so that a failing case can be run again. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 32 random bits. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from lo to hi, both included. */
  int(lo: number, hi: number): number {
    return lo + Math.floor((this.bits() / 2 ** 32) * (hi - lo + 1));
  }

  chance(probability: number): boolean {
    return this.bits() / 2 ** 32 < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }
}

/** Little-endian bytes of `count` random elements of a type: any, with small and extreme ones now and then. */
export function randomElements(random: Random, count: number, dtype: Dtype, style: Style): Uint8Array {
  if (dtype === dtypes.float32) return randomTensor(random, count, style);
  if (dtype === dtypes.float16 || dtype === dtypes.bfloat16) return randomHalves(random, count, dtype, style);
  const size = dtypeBytes[dtype];
  const bytes = new Uint8Array(count * size);
  const calm = random.chance(0.5);
  for (let i = 0; i < count; i++) {
    const choice = calm ? 0 : random.int(0, 3);
    const value = choice === 0 ? BigInt(random.int(-9, 9)) : choice === 1 ? -(1n << BigInt(8 * size - 1)) : choice === 2 ? (1n << BigInt(8 * size - 1)) - 1n : (BigInt(random.bits()) << 32n) | BigInt(random.bits());
    for (let k = 0; k < size; k++) bytes[i * size + k] = Number((value >> BigInt(8 * k)) & 0xffn);
    if (dtype === dtypes.bool && random.chance(0.9)) bytes[i] = random.int(0, 1);
  }
  return bytes;
}

/** How the floats of a tensor are spread. */
export const styles = ["tame", "relu", "wide", "integers", "huge", "tiny", "clash", "special"] as const;
export type Style = (typeof styles)[number];

const special = [0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800000];

/** Bits of a random float32 of a style. */
export function randomBits(random: Random, style: Style): number {
  const sign = random.chance(0.5) ? 0x80000000 : 0;
  const fraction = random.bits() & 0x7fffff;
  const exponent = (lo: number, hi: number) => ((random.int(lo, hi) << 23) | fraction | sign) >>> 0;
  switch (style) {
    case "tame":
      return exponent(118, 130);
    case "relu":
      return random.chance(0.5) ? 0 : (exponent(118, 130) & 0x7fffffff) >>> 0;
    case "wide":
      return exponent(0, 254);
    case "integers":
      return new Uint32Array(new Float32Array([random.int(-9, 9)]).buffer)[0] as number;
    case "huge":
      return exponent(180, 254);
    case "tiny":
      return exponent(0, 70);
    case "clash":
      // Subnormals beside huge values: what a flush takes away can be large.
      return random.chance(0.5) ? (fraction | sign) >>> 0 : exponent(200, 254);
    case "special":
      return random.chance(0.15) ? random.pick(special) : exponent(random.int(0, 127), 140);
  }
}

/** Bits of a half float around the float32 with these bits, or of any now and then. */
export function halfBits(random: Random, dtype: Dtype, bits: number): number {
  if (random.chance(0.05)) return random.bits() >>> 16;
  if (dtype === dtypes.bfloat16) return bits >>> 16;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const magnitude = exponent <= 0 ? (bits >>> 13) & 0x3ff : exponent >= 31 ? random.pick([0x7bff, 0x7c00, 0x7800]) : (exponent << 10) | ((bits >>> 13) & 0x3ff);
  return ((bits >>> 16) & 0x8000) | magnitude;
}

function randomHalves(random: Random, count: number, dtype: Dtype, style: Style): Uint8Array {
  const view = new DataView(new ArrayBuffer(count * 2));
  for (let i = 0; i < count; i++) view.setUint16(i * 2, halfBits(random, dtype, randomBits(random, style)), true);
  return new Uint8Array(view.buffer);
}

/** Little-endian bytes of `count` random floats. */
export function randomTensor(random: Random, count: number, style: Style): Uint8Array {
  const bytes = new Uint8Array(count * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) view.setUint32(i * 4, randomBits(random, style), true);
  return bytes;
}
