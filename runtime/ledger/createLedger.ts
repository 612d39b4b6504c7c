import type { Chain, Head } from "../chain/createChain.ts";
import { followEvents } from "../chain/followEvents.ts";
import { getDisputeCount, getDisputes } from "../chain/reads/getDispute.ts";
import { getJobCount, getJobs } from "../chain/reads/getJob.ts";
import { noteRecord } from "../chain/reads/getJobRecord.ts";
import { forgetInputs, noteInput } from "../chain/reads/readJobInput.ts";
import type { Dispute, Job } from "../chain/types.ts";
import { createTable } from "./createTable.ts";

/** A view of all jobs and disputes that can still change, read from the chain. */
export interface Ledger {
  readonly jobs: ReadonlyMap<bigint, Job>;
  readonly disputes: ReadonlyMap<bigint, Dispute>;
  /** Follows the chain until `signal` aborts; calls `onChange` after each new head, when both maps are up to date. */
  run(onChange: (head: Head) => void, signal: AbortSignal): Promise<void>;
}

export interface LedgerOptions {
  chain: Chain;
  /** Milliseconds between looks at the head. */
  pollingIntervalMs: number;
  /** Blocks for which an ended job or dispute is still read, in case a reorganisation revives it. */
  settledBlocks?: number;
}

/**
 * Keeps the ledger. Events and the contracts' counters tell which numbers exist, and events of which of them there is news; what is true of
 * those is read again. A restart reads everything, and so does a reorganisation; what an endpoint fails to tell is found a little later. A
 * number that is counted and that no event names means that the endpoint leaves out logs.
 */
export function createLedger({ chain, pollingIntervalMs, settledBlocks = 32 }: LedgerOptions): Ledger {
  const jobs = createTable({ chain, what: "job", count: (head) => getJobCount(chain, head), read: (ids) => getJobs(chain, ids), ended: ({ status }) => status === "final" || status === "cancelled", settledBlocks: BigInt(settledBlocks) });
  const disputes = createTable({ chain, what: "dispute", count: (head) => getDisputeCount(chain, head), read: (ids) => getDisputes(chain, ids), ended: ({ phase }) => phase === "ended", settledBlocks: BigInt(settledBlocks) });
  return {
    jobs: jobs.entries,
    disputes: disputes.entries,
    run: (onChange, signal) => {
      let seen: string | undefined;
      let ready = false;
      return followEvents(
        chain,
        { contracts: ["jobs", "disputes"], pollingIntervalMs, signal },
        {
          onEvent: (event) => {
            noteRecord(chain, event);
            noteInput(chain, event);
            const args = event.args as { jobId?: bigint; disputeId?: bigint };
            const endedIn = lastEvents.has(event.name) ? event.blockNumber : undefined;
            if (args.disputeId !== undefined) {
              disputes.touch(args.disputeId, endedIn);
              // A job counts its open disputes.
              const dispute = disputes.entries.get(args.disputeId);
              if (dispute !== undefined) jobs.touch(dispute.jobId);
            }
            if (args.jobId !== undefined) jobs.touch(args.jobId, event.contract === "jobs" ? endedIn : undefined);
            ready = false;
          },
          onReorganised: () => {
            forgetInputs(chain);
            jobs.touchAll();
            disputes.touchAll();
            ready = false;
          },
          onHead: async (head) => {
            if (ready && head.hash === seen) return;
            await Promise.all([jobs.refresh(head.number), disputes.refresh(head.number)]);
            seen = head.hash;
            ready = true;
            onChange(head);
          },
        },
      );
    },
  };
}

/** Events after which nothing changes any more, whatever else is told of the number. */
const lastEvents: ReadonlySet<string> = new Set(["Finalized", "Cancelled", "Ended"]);
