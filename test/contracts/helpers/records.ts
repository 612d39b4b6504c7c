import { zeroAddress, type Hex } from "viem";
import { recordDigest, noCommitment, type Commitment, type JobRecord, type Terms } from "../../../runtime/chain/jobRecord.ts";

interface Seen {
  eventName: string;
  args: Record<string, unknown>;
}

/** Terms that no job has. */
export const noTerms: Terms = { programRoot: noCommitment.traceRoot, inputRoot: noCommitment.traceRoot, requester: zeroAddress, fee: 0n, collateral: 0n, claimWindow: 0, deliveryWindow: 0, challengeWindow: 0, expiry: 0n, consumer: zeroAddress, callbackGas: 0 };

/** Remembers what the events of jobs tell, by the digest that the chain keeps of it: a snapshot that is restored changes nothing. */
export function createRecords() {
  const known = new Map<Hex, JobRecord>();
  return {
    see(events: readonly Seen[]): void {
      for (const { args } of events) {
        const terms = args["terms"] as Terms | undefined;
        if (terms === undefined) continue;
        known.set(recordDigest({ terms, commitment: undefined }), { terms, commitment: undefined });
        if (args["outputRoot"] === undefined) continue;
        const record = { terms, commitment: { traceRoot: args["traceRoot"] as Hex, outputRoot: args["outputRoot"] as Hex } };
        known.set(recordDigest(record), record);
      }
    },
    /** Those of a job with this digest; some that no job has, if there is none. */
    find(digest: Hex | undefined): { terms: Terms; commitment: Commitment } {
      const { terms, commitment } = known.get(digest ?? "0x") ?? { terms: noTerms, commitment: undefined };
      return { terms, commitment: commitment ?? noCommitment };
    },
  };
}

/** Calls of `Jobs` that repeat the record behind the job's number. */
const takesTerms = new Set(["claim", "commit", "expire", "cancel", "finalize", "unfold", "deliver"]);
const takesCommitment = new Set(["finalize", "unfold", "deliver"]);
/** What each call takes without the record, number included. */
const ownArguments: Record<string, number> = { commit: 5 };

/** Whether a call of a contract was written without the record that it must repeat. */
export function lacksRecord(contract: unknown, functionName: string, args: readonly unknown[]): boolean {
  return contract === "jobs" && takesTerms.has(functionName) && args.length === (ownArguments[functionName] ?? 1);
}

export function withRecord(functionName: string, [jobId, ...rest]: readonly unknown[], { terms, commitment }: { terms: Terms; commitment: Commitment }): unknown[] {
  return [jobId, terms, ...(takesCommitment.has(functionName) ? [commitment] : []), ...rest];
}
