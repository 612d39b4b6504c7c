/** What one check of a machine found, and what its operator should do about it. */
export interface Finding {
  check: string;
  /** `warn`: works, with a risk. `fail`: a daemon would not work, or would lose money. */
  status: "ok" | "warn" | "fail";
  /** What was found, in one sentence. */
  found: string;
  /** What to do; absent where nothing is to be done. */
  advice?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, status: "ok", found };
}

export function warn(check: string, found: string, advice: string): Finding {
  return { check, status: "warn", found, advice };
}

export function fail(check: string, found: string, advice: string): Finding {
  return { check, status: "fail", found, advice };
}
