import { GainsayError } from "../../protocol/errors.ts";
import type { Chain, Head } from "../chain/createChain.ts";
import { followEvents } from "../chain/followEvents.ts";
import { getDispute } from "../chain/reads/getDispute.ts";
import { getJob } from "../chain/reads/getJob.ts";
import { noteRecord } from "../chain/reads/getJobRecord.ts";
import { noteInput } from "../chain/reads/readJobInput.ts";
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

/** Heads for which an entry is read again after news of it: an endpoint may tell of an event before it answers from that block. */
const FRESH_BLOCKS = 2n;
/** Blocks after which an entry is read again without any news, should an endpoint have kept some to itself. */
const STALE_BLOCKS = 64n;

/**
 * Keeps the ledger. Events only tell which numbers exist, and of which of them there is news; what is true of those is read again. A restart reads everything,
 * and so does a reorganisation; what an endpoint fails to tell is found a little later.
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
            noteRecord(chain, event);
            noteInput(chain, event);
            const args = event.args as { jobId?: bigint; disputeId?: bigint };
            if (args.disputeId !== undefined) {
              disputes.touch(args.disputeId);
              // A job counts its open disputes.
              const dispute = disputes.entries.get(args.disputeId);
              if (dispute !== undefined) jobs.touch(dispute.jobId);
            }
            if (args.jobId !== undefined) jobs.touch(args.jobId);
            ready = false;
          },
          onReorganised: () => {
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

/** Reads at once; more would only queue up in the endpoint. */
const READS_AT_ONCE = 16;

function isDue({ readAt, newsAt }: { readAt?: bigint; newsAt?: bigint }, head: bigint): boolean {
  if (readAt === undefined || newsAt === undefined || head < readAt) return true;
  return head - newsAt <= FRESH_BLOCKS || head - readAt >= STALE_BLOCKS;
}

function createTable<T>(read: (id: bigint) => Promise<T>, ended: (value: T) => boolean, settledBlocks: bigint) {
  const entries = new Map<bigint, T>();
  /** Heads at which an entry was last read, and until which there was news of it; none before the first. */
  const followed = new Map<bigint, { readAt?: bigint; newsAt?: bigint }>();
  /** The head at which an entry was first seen ended, or missing. */
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
    touch: (id: bigint): void => void followed.set(id, {}),
    touchAll(): void {
      for (const id of followed.keys()) followed.set(id, {});
    },
    async refresh(head: bigint): Promise<void> {
      // Nothing has been heard of these since they ended.
      for (const [id, since] of [...endedAt]) if (head - since >= settledBlocks && followed.get(id)?.readAt !== undefined) forget(id);
      const ids = [...followed].flatMap(([id, state]) => (isDue(state, head) ? [id] : []));
      const readOne = async (id: bigint): Promise<void> => {
        const state = followed.get(id);
        await refreshOne(id, head);
        // News that came meanwhile are for the next time, and so is what has failed.
        if (state !== undefined && followed.get(id) === state) followed.set(id, { readAt: head, newsAt: state.newsAt ?? head });
      };
      for (let i = 0; i < ids.length; i += READS_AT_ONCE) await Promise.all(ids.slice(i, i + READS_AT_ONCE).map(readOne));
    },
  };
}
