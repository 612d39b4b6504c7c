import { isNone, none, type Interval } from "./interval.ts";

const modes = {
  floor: Math.floor,
  ceil: Math.ceil,
  truncate: Math.trunc,
  sign: Math.sign,
  even(x: number): number {
    // Exact: a double has bits to spare for the half of any float32 that is not an integer.
    const whole = Math.floor(x);
    const rest = x - whole;
    return rest > 0.5 || (rest === 0.5 && whole % 2 !== 0) ? whole + 1 : whole;
  },
} as const;

/** Exact roundings to integers and the sign, of intervals: all are increasing, so ends map to ends. */
export function rounded(x: Interval, mode: keyof typeof modes): Interval {
  if (isNone(x)) return none(x.nan);
  const apply = modes[mode];
  const at = (end: number): number => (Number.isFinite(end) || mode === "sign" ? apply(end) + 0 : end);
  return { lo: at(x.lo), hi: at(x.hi), nan: x.nan };
}
