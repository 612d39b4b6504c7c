import type { Dispute } from "../chain/types.ts";

/** The disputes, whichever clock runs out first foremost. */
export function byClock(disputes: Iterable<Dispute>): Dispute[] {
  return [...disputes].sort((a, b) => a.deadline - b.deadline);
}
