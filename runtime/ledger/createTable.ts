import { GainsayError } from "../../protocol/errors.ts";
import type { Chain } from "../chain/createChain.ts";

export interface TableOptions<T> {
  chain: Pick<Chain, "logger" | "doubtLogs">;
  /** What the numbers are of, for the log. */
  what: "job" | "dispute";
  /** How many there are at a block. */
  count(head: bigint): Promise<bigint>;
  read(id: bigint): Promise<T>;
  ended(value: T): boolean;
  /** Blocks for which an ended entry is still read. */
  settledBlocks: bigint;
}

/** Entries under the numbers that a contract gives out, from 1. */
export interface Table<T> {
  readonly entries: ReadonlyMap<bigint, T>;
  /** An event named this number. */
  touch(id: bigint): void;
  /** Reads all numbers that can still change. */
  refresh(head: bigint): Promise<void>;
}

/** Reads at once; more would only queue up in the endpoint. */
const READS_AT_ONCE = 16;
/** Blocks in which a number that is counted must be named by an event; some nodes have their logs a while after their state. */
const NAMING_BLOCKS = 12n;
/** Blocks between tries of an entry whose events are not to be had: each searches the whole history. */
const RETRY_BLOCKS = 5n;

/** Keeps what a contract says of each number that it has given out, until it cannot change any more. */
export function createTable<T>({ chain, what, count, read, ended, settledBlocks }: TableOptions<T>): Table<T> {
  const entries = new Map<bigint, T>();
  const followed = new Set<bigint>();
  /** The head at which an entry was first seen ended, or missing. */
  const endedAt = new Map<bigint, bigint>();
  /** Numbers up to here were counted; those that no event has named since, with the head at which they were counted. */
  let counted = 0n;
  const unnamed = new Map<bigint, bigint>();
  let countable = true;
  /** The head from which an entry is tried again whose events were not to be had. */
  const retryAt = new Map<bigint, bigint>();

  const refreshOne = async (id: bigint, head: bigint): Promise<void> => {
    if (head < (retryAt.get(id) ?? 0n)) return;
    let value: T;
    try {
      value = await read(id);
    } catch (error) {
      if (error instanceof GainsayError && error.code === "CHAIN_RECORD_MISSING") return setAside(id, head, error);
      if (!(error instanceof GainsayError && error.code === "CONTRACT_REVERTED")) throw error;
      // The number is gone: the block that made it was replaced. Its transaction may be in the next one, or the old chain come back.
      entries.delete(id);
      return settle(id, head);
    }
    retryAt.delete(id);
    entries.set(id, value);
    if (!ended(value)) return void endedAt.delete(id);
    settle(id, head);
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
      if (!followed.has(id)) unnamed.set(id, head);
      followed.add(id);
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
    touch(id) {
      followed.add(id);
      unnamed.delete(id);
    },
    async refresh(head) {
      await countUp(head);
      const ids = [...followed];
      for (let i = 0; i < ids.length; i += READS_AT_ONCE) await Promise.all(ids.slice(i, i + READS_AT_ONCE).map((id) => refreshOne(id, head)));
    },
  };
}
