import { GainsayError } from "../../protocol/errors.ts";
import type { Chain, Head } from "../chain/createChain.ts";
import { followEvents } from "../chain/followEvents.ts";
import { getDispute } from "../chain/reads/getDispute.ts";
import { getJob } from "../chain/reads/getJob.ts";
import type { Dispute, Job } from "../chain/types.ts";

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
 * Keeps the ledger. Events only tell which numbers exist; what is true of them is read again at every head, so a restart, a missed
 * event and a reorganisation need no code of their own.
 */
export function createLedger({ chain, pollingIntervalMs, settledBlocks = 32 }: LedgerOptions): Ledger {
  const jobs = createTable((id) => getJob(chain, id), ({ status }) => status === "final" || status === "cancelled", BigInt(settledBlocks));
  const disputes = createTable((id) => getDispute(chain, id), ({ phase }) => phase === "ended", BigInt(settledBlocks));
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
            const args = event.args as { jobId?: bigint; disputeId?: bigint };
            const endedIn = lastEvents.has(event.name) ? event.blockNumber : undefined;
            if (event.contract === "disputes" && args.disputeId !== undefined) disputes.touch(args.disputeId, endedIn);
            if (args.jobId !== undefined) jobs.touch(args.jobId, event.contract === "jobs" ? endedIn : undefined);
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

/** Reads at once; more would only queue up in the endpoint. */
const READS_AT_ONCE = 16;

function createTable<T>(read: (id: bigint) => Promise<T>, ended: (value: T) => boolean, settledBlocks: bigint) {
  const entries = new Map<bigint, T>();
  const followed = new Set<bigint>();
  /** The head at which an entry was first seen ended, or missing; or the block of the event that told so. */
  const endedAt = new Map<bigint, bigint>();

  const refreshOne = async (id: bigint, head: bigint): Promise<void> => {
    let value: T;
    try {
      value = await read(id);
    } catch (error) {
      if (!(error instanceof GainsayError && error.code === "CONTRACT_REVERTED")) throw error;
      // The number is gone: the block that made it was replaced. Its transaction may be in the next one, or the old chain come back.
      entries.delete(id);
      return settle(id, head);
    }
    entries.set(id, value);
    if (!ended(value)) return void endedAt.delete(id);
    settle(id, head);
  };

  const settle = (id: bigint, head: bigint): void => {
    const earlier = endedAt.get(id) ?? head;
    // After a reorganisation the blocks are counted anew.
    const since = head < earlier ? head : earlier;
    endedAt.set(id, since);
    if (head - since >= settledBlocks) forget(id);
  };

  const forget = (id: bigint): void => {
    entries.delete(id);
    followed.delete(id);
    endedAt.delete(id);
  };

  return {
    entries: entries as ReadonlyMap<bigint, T>,
    touch(id: bigint, endedIn?: bigint): void {
      followed.add(id);
      // Whatever comes after the end comes of a reorganisation, or is of no account.
      if (endedIn === undefined) endedAt.delete(id);
      else endedAt.set(id, endedIn);
    },
    async refresh(head: bigint): Promise<void> {
      // At a start the log tells of everything that ever was. What ended long ago need not be read to be forgotten.
      for (const id of followed) if (!entries.has(id) && head - (endedAt.get(id) ?? head) >= settledBlocks) forget(id);
      const ids = [...followed];
      for (let i = 0; i < ids.length; i += READS_AT_ONCE) await Promise.all(ids.slice(i, i + READS_AT_ONCE).map((id) => refreshOne(id, head)));
    },
  };
}
