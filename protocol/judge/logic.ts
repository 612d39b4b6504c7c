import { hull, isNone, none, type Interval } from "./interval.ts";

/**
 * Comparisons, logic and selection over intervals, the twin of contracts/lib/Logic.sol. A truth value is 1 or 0, and [0, 1] where
 * both are possible; as a condition every number but 0 is true, and NaN may pass for either.
 */
export function less(x: Interval, y: Interval): Interval {
  return compared(x, y, x.lo < y.hi, x.hi >= y.lo);
}

export function lessOrEqual(x: Interval, y: Interval): Interval {
  return compared(x, y, x.lo <= y.hi, x.hi > y.lo);
}

export function equal(x: Interval, y: Interval): Interval {
  return compared(x, y, x.lo <= y.hi && y.lo <= x.hi, x.lo !== y.hi || y.lo !== x.hi);
}

export function not(x: Interval): Interval {
  const { yes, no } = truth(x);
  return chosen(no, yes);
}

export function and(x: Interval, y: Interval): Interval {
  const a = truth(x);
  const b = truth(y);
  return chosen(a.yes && b.yes, (a.no && (b.yes || b.no)) || (b.no && (a.yes || a.no)));
}

export function or(x: Interval, y: Interval): Interval {
  return not(and(not(x), not(y)));
}

export function xor(x: Interval, y: Interval): Interval {
  const a = truth(x);
  const b = truth(y);
  return chosen((a.yes && b.no) || (a.no && b.yes), (a.yes && b.yes) || (a.no && b.no));
}

export function select(condition: Interval, x: Interval, y: Interval): Interval {
  const { yes, no } = truth(condition);
  let z = none((yes && x.nan) || (no && y.nan));
  if (yes) z = hull(z, x.lo, x.hi);
  if (no) z = hull(z, y.lo, y.hi);
  return z;
}

/** A comparison with NaN does not hold. */
function compared(x: Interval, y: Interval, yes: boolean, no: boolean): Interval {
  const numbers = !isNone(x) && !isNone(y);
  return chosen(numbers && yes, (numbers && no) || x.nan || y.nan);
}

function truth(x: Interval): { yes: boolean; no: boolean } {
  const number = !isNone(x);
  return { yes: x.nan || (number && (x.lo !== 0 || x.hi !== 0)), no: x.nan || (number && x.lo <= 0 && x.hi >= 0) };
}

function chosen(yes: boolean, no: boolean): Interval {
  if (!yes && !no) return none(false);
  return { lo: no ? 0 : 1, hi: yes ? 1 : 0, nan: false };
}
