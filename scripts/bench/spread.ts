export interface Spread {
  median: number;
  /** First and ninth decile. */
  low: number;
  high: number;
}

/** Median and deciles of measured milliseconds. */
export function spreadOf(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}
