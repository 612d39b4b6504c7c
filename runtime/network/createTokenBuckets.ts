/** Answers whether one more event of a key stays within its rate. */
export interface TokenBuckets {
  take(key: string): boolean;
}

export interface TokenBucketOptions {
  /** Tokens that come back each second. */
  perSecond: number;
  /** Tokens of a full bucket. */
  burst: number;
  /** Keys remembered; the one that was used longest ago is forgotten first. */
  maxKeys: number;
  /** Milliseconds of a clock that only moves forward. */
  now: () => number;
}

/** Token buckets, one a key, with bounded memory. A forgotten key starts with a full bucket. */
export function createTokenBuckets(options: TokenBucketOptions): TokenBuckets {
  const { perSecond, burst, maxKeys, now } = options;
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(key) {
      const at = now();
      const last = buckets.get(key);
      const refilled = last === undefined ? burst : Math.min(burst, last.tokens + (Math.max(0, at - last.at) / 1_000) * perSecond);
      const allowed = refilled >= 1;
      // A Map iterates in insertion order, so inserting anew keeps the least recently used key first.
      buckets.delete(key);
      buckets.set(key, { tokens: allowed ? refilled - 1 : refilled, at });
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value ?? key);
      return allowed;
    },
  };
}
