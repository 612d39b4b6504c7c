import { roundBig } from "./float32.ts";
import { isNone, none, type Interval } from "./interval.ts";
import { fixedOf } from "./scalar.ts";

/** π in units of 2^−96, rounded down. */
const PI = 248902613312231085230521944622n;
const ONE = 1n << 96n;
const FAR = 2 ** 16;
/** Fixed-point error, and the budget of profile 1: 2^−20, absolute. */
const ALLOWANCE = (1n << 76n) + (1n << 24n);

/** Enclosures of sin and cos for |x| ≤ 2^16, the twin of contracts/lib/Trigonometry.sol; beyond that [−1, 1]. */
export function sin(x: Interval): Interval {
  return enclose(x, PI / 2n);
}

export function cos(x: Interval): Interval {
  return enclose(x, PI);
}

/** cos x = sin(x + π/2); half turns are counted from the trough at −π/2, so the function rises on even ones. */
function enclose(x: Interval, shift: bigint): Interval {
  if (isNone(x)) return none(x.nan);
  if (x.lo < -FAR || x.hi > FAR) return { lo: -1, hi: 1, nan: x.nan || x.lo === -Infinity || x.hi === Infinity };
  const from = waveAt(x.lo, shift);
  const to = waveAt(x.hi, shift);
  let lo = from.y < to.y ? from.y : to.y;
  let hi = from.y < to.y ? to.y : from.y;
  const turns = to.turn - from.turn;
  const rising = (from.turn & 1n) === 0n;
  if (turns >= 2n || (turns === 1n && rising)) hi = ONE;
  if (turns >= 2n || (turns === 1n && !rising)) lo = -ONE;
  return { lo: roundedTo(lo - ALLOWANCE, false), hi: roundedTo(hi + ALLOWANCE, true), nan: x.nan };
}

/** Half turns of x + shift from 0, rounded down, and −cos(x + shift) in units of 2^−96. */
function waveAt(x: number, shift: bigint): { turn: bigint; y: bigint } {
  const magnitude = fixedOf(Math.abs(x));
  const angle = (x < 0 ? -magnitude : magnitude) + shift;
  let turn = angle / PI;
  if (angle < turn * PI) turn--;
  const r = angle - turn * PI;
  // −cos r for r in [0, π): rises from −1 to 1.
  const second = r > PI / 2n;
  const c = cosine(second ? PI - r : r);
  return { turn, y: second === ((turn & 1n) === 0n) ? c : -c };
}

/** cos r for r in [0, π/2] by its series, in units of 2^−96. */
function cosine(r: bigint): bigint {
  const square = (r * r) >> 96n;
  let plus = ONE;
  let minus = 0n;
  let term = ONE;
  for (let j = 1n; j < 30n; j += 4n) {
    term = ((term * square) >> 96n) / (j * (j + 1n));
    minus += term;
    term = ((term * square) >> 96n) / ((j + 2n) * (j + 3n));
    plus += term;
  }
  return plus > minus ? plus - minus : 0n;
}

function roundedTo(y: bigint, up: boolean): number {
  return roundBig(y < 0n, y < 0n ? -y : y, -96, false, up);
}
