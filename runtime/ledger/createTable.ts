import { GainsayError } from "../../protocol/errors.ts";
import type { Chain } from "../chain/createChain.ts";

export interface TableOptions<T> {
  chain: Pick<Chain, "logger" | "doubtLogs">;
  /** What the numbers are of, for the log. */
  what: "job" | "dispute";
  /** How many there are at a block. */
  count(head: bigint): Promise<bigint>;
  /** What is true of each of these: an entry, or why there is none. */
  read(ids: readonly bigint[]): Promise<(T | GainsayError)[]>;
  ended(value: T): boolean;
  /** Blocks for which an ended entry is still read. */
  settledBlocks: bigint;
}

interface Reading {
  readAt?: bigint;
  newsAt?: bigint;
}

/** Entries under the numbers that a contract gives out, from 1. */
export interface Table<T> {
  readonly entries: ReadonlyMap<bigint, T>;
  /** An event named this number: there is news of it, or its end in that block. */
  touch(id: bigint, endedIn?: bigint): void;
  /** Anything may have changed. */
  touchAll(): void;
  /** Reads the numbers of which there is news, and the others that can still change now and then. */
  refresh(head: bigint): Promise<void>;
}

/** Heads for which an entry is read again after news of it: an endpoint may tell of an event before it answers from that block. */
const FRESH_BLOCKS = 2n;
/** Blocks after which an entry is read again without any news, should an endpoint have kept some to itself. */
const STALE_BLOCKS = 16n;
/** Blocks in which a number that is counted must be named by an event; some nodes have their logs a while after their state. */
const NAMING_BLOCKS = 12n;
/** Blocks between tries of an entry whose events are not to be had: each searches the whole history. */
const RETRY_BLOCKS = 5n;

/** Keeps what a contract says of each number that it has given out, until it cannot change any more. */
export function createTable<T>({ chain, what, count, read, ended, settledBlocks }: TableOptions<T>): Table<T> {
  const entries = new Map<bigint, T>();
  /** Heads at which an entry was last read, and until which there was news of it; none before the first. */
  const followed = new Map<bigint, Reading>();
  /** The head at which an entry was first seen ended, or missing; or the block of the event that told so. */
  const endedAt = new Map<bigint, bigint>();
  /** Numbers up to here were counted; those that no event has named since, with the head at which they were counted. */
  let counted = 0n;
  const unnamed = new Map<bigint, bigint>();
  /** Numbers above those counted that events have named. */
  const heard = new Set<bigint>();
  /** Those that no event has named to this day: there is no news to wait for. */
  const silent = new Set<bigint>();
  let countable = true;
  /** The head from which an entry is tried again whose events were not to be had. */
  const retryAt = new Map<bigint, bigint>();

  const note = (id: bigint, value: T | GainsayError, head: bigint): void => {
    if (value instanceof GainsayError) {
      if (value.code === "CHAIN_RECORD_MISSING") return setAside(id, head, value);
      // The number is gone: the block that made it was replaced. Its transaction may be in the next one, or the old chain come back.
      entries.delete(id);
      return settle(id, head);
    }
    retryAt.delete(id);
    entries.set(id, value);
    if (!ended(value)) return void endedAt.delete(id);
    settle(id, head);
  };

  const isDue = (id: bigint, { readAt, newsAt }: Reading, head: bigint): boolean => {
    if (head < (retryAt.get(id) ?? 0n)) return false;
    // One that is missing although it was named may be there at the next head.
    if (!entries.has(id) || silent.has(id) || readAt === undefined || newsAt === undefined || head < readAt) return true;
    return head - newsAt <= FRESH_BLOCKS || head - readAt >= STALE_BLOCKS;
  };

  /** One entry that cannot be read must not keep the others from being worked on. */
  const setAside = (id: bigint, head: bigint, error: GainsayError): void => {
    chain.logger.error({ [what]: id, error }, "an entry of the ledger cannot be read");
    entries.delete(id);
    retryAt.set(id, head + RETRY_BLOCKS);
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
    retryAt.delete(id);
    silent.delete(id);
  };

  /** Follows what the contract counts, whether an event named it or not. */
  const countUp = async (head: bigint): Promise<void> => {
    let total: bigint;
    try {
      total = await count(head);
      countable = true;
    } catch (error) {
      // Nodes that keep little state cannot answer far below the head, where many confirmations put it.
      if (countable) chain.logger.warn({ what, error }, "the contract's counter cannot be read; only its events tell what is new");
      countable = false;
      return;
    }
    // After a reorganisation there may be fewer.
    if (total < counted) counted = total;
    for (let id = counted + 1n; id <= total; id++) {
      if (heard.delete(id) || followed.has(id)) continue;
      unnamed.set(id, head);
      silent.add(id);
      followed.set(id, {});
    }
    counted = total;
    const missing = [...unnamed].filter(([id, since]) => id <= total && head - since >= NAMING_BLOCKS).map(([id]) => id);
    for (const id of unnamed.keys()) if (id > total || missing.includes(id)) unnamed.delete(id);
    if (missing.length === 0) return;
    chain.logger.error({ what, missing }, "the contract counts what no event names");
    chain.doubtLogs();
  };

  return {
    entries,
    touch(id, endedIn) {
      followed.set(id, {});
      if (id > counted) heard.add(id);
      // Whatever comes after the end comes of a reorganisation, or is of no account.
      if (endedIn === undefined) endedAt.delete(id);
      else endedAt.set(id, endedIn);
      unnamed.delete(id);
      silent.delete(id);
    },
    touchAll() {
      for (const id of followed.keys()) followed.set(id, {});
    },
    async refresh(head) {
      await countUp(head);
      // Nothing has been heard of these since they ended. At a start the log tells of everything that ever was: what ended long ago need not be read to be forgotten.
      for (const [id, since] of [...endedAt]) if (head - since >= settledBlocks && (followed.get(id)?.readAt !== undefined || !entries.has(id))) forget(id);
      const due = [...followed].filter(([id, reading]) => isDue(id, reading, head));
      const values = await read(due.map(([id]) => id));
      for (const [i, [id, reading]] of due.entries()) {
        note(id, values[i] as T | GainsayError, head);
        // News that came meanwhile are for the next time, and so is what could not be read.
        if (followed.get(id) === reading && !retryAt.has(id)) followed.set(id, { readAt: head, newsAt: reading.newsAt ?? head });
      }
    },
  };
}
