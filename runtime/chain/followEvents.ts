import { setTimeout as delay } from "node:timers/promises";
import type { Hex } from "../../protocol/hex.ts";
import { chainError, isRangeTooLarge } from "./chainError.ts";
import type { Chain, Head } from "./createChain.ts";
import { decodeEvent, eventContracts, type ChainEvent, type EventContract } from "./events.ts";

export interface FollowOptions {
  /** Contracts to listen to; all that emit events without it. */
  contracts?: readonly EventContract[];
  /** First block to read. Default: the deployment's. */
  fromBlock?: bigint;
  /** Milliseconds between looks at the chain's head. Default 1000. */
  pollingIntervalMs?: number;
  /** Most blocks of one request. Default 2000; halved while the node finds the answer too large, doubled again with every answer. */
  chunkBlocks?: number;
  /** Blocks below the head that are read again each time, because some nodes answer before they have all logs. Default 12. */
  rereadBlocks?: number;
  signal: AbortSignal;
}

export interface FollowHandlers {
  /** Called for each event in chain order. If it throws, the same event is given again at the next look. */
  onEvent: (event: ChainEvent) => void | Promise<void>;
  /** Called when all events up to this block have been handled, also if there were none. */
  onHead?: (head: Head) => void | Promise<void>;
  /** Called when blocks that were read are no longer on the chain, before the events of the new ones. */
  onReorganised?: () => void;
}

/** How many read ranges are remembered, to find where a reorganisation left the known chain. */
const maxCheckpoints = 128;
const maxBackoffMs = 15_000;

/**
 * Gives each event of the contracts to the handler, past ones first, until `signal` aborts; resolves then.
 * An event is given at least once: again after a reorganisation moved it to another block, or after the handler threw. A handler
 * therefore reads the state from the chain and treats the event as news that something changed. Failures of the RPC endpoint
 * are logged and tried again; the cursor moves only past what was handled.
 */
export async function followEvents(chain: Chain, options: FollowOptions, handlers: FollowHandlers): Promise<void> {
  const { signal } = options;
  const interval = options.pollingIntervalMs ?? 1_000;
  const reader = createReader(chain, options, handlers);
  let failures = 0;
  while (!signal.aborted) {
    try {
      await reader.look();
      failures = 0;
    } catch (error) {
      failures++;
      if (!signal.aborted) chain.logger.warn({ error: error instanceof HandlerError ? error.cause : chainError(error), failures }, error instanceof HandlerError ? "event handler failed" : "events could not be read");
    }
    await delay(Math.min(interval * 2 ** Math.min(failures, 8), Math.max(maxBackoffMs, interval)), undefined, { signal }).catch(() => undefined);
  }
}

class HandlerError extends Error {}

function createReader(chain: Chain, options: FollowOptions, handlers: FollowHandlers) {
  const { signal } = options;
  const first = options.fromBlock ?? chain.deployment.block;
  const reread = BigInt(options.rereadBlocks ?? 12);
  const largest = BigInt(options.chunkBlocks ?? 2_000);
  const addresses = (options.contracts ?? eventContracts).map((name) => chain.deployment.contracts[name]);
  /** Ends of the ranges that were read, oldest first; the last one is the cursor. */
  const checkpoints: { number: bigint; hash: Hex }[] = [];
  /** Events that were handled, with their blocks, as far back as they can be read again. */
  const handled = new Map<string, bigint>();
  let chunk = largest;
  let lastHead: Hex | undefined;

  return { look };

  async function look(): Promise<void> {
    const newest = await chain.head();
    const head = chain.confirmations === 0 ? newest : await blockAt(newest.number - BigInt(chain.confirmations));
    if (head === undefined) return;
    if (head.hash === lastHead) return;
    await rewind(head);
    let from = (checkpoints.at(-1)?.number ?? first - 1n) + 1n - reread;
    if (from < first) from = first;
    while (from <= head.number && !signal.aborted) {
      const to = from + chunk - 1n < head.number ? from + chunk - 1n : head.number;
      const end = to === head.number ? head : await blockAt(to);
      const logs = await readRange(from, to);
      if (logs === undefined) continue;
      for (const log of logs) await give(log);
      if (signal.aborted) return;
      // Without the block there is no proof that this range belongs to the chain that is followed: read it again.
      if (end === undefined) return;
      remember(end);
      from = to + 1n;
    }
    if (signal.aborted) return;
    await handlers.onHead?.(head);
    lastHead = head.hash;
  }

  async function readRange(from: bigint, to: bigint) {
    try {
      const logs = await chain.client.getLogs({ address: addresses, fromBlock: from, toBlock: to });
      if (chunk < largest) chunk = chunk * 2n < largest ? chunk * 2n : largest;
      return logs;
    } catch (error) {
      // What was asked may have been less than a chunk, and the same is not asked again.
      const width = to - from + 1n;
      if (width === 1n || !isRangeTooLarge(error)) throw error;
      chunk = width / 2n;
      return undefined;
    }
  }

  async function give(log: Parameters<typeof decodeEvent>[1]): Promise<void> {
    const key = `${log.blockHash}:${log.logIndex}`;
    // Most logs are read several times: these need not be understood again.
    if (signal.aborted || handled.has(key)) return;
    const event = decodeEvent(chain.deployment, log);
    if (event === undefined) return;
    try {
      await handlers.onEvent(event);
    } catch (cause) {
      throw new HandlerError("event handler failed", { cause });
    }
    handled.set(key, event.blockNumber);
  }

  function remember(end: { number: bigint; hash: Hex }): void {
    while ((checkpoints.at(-1)?.number ?? -1n) >= end.number) checkpoints.pop();
    checkpoints.push({ number: end.number, hash: end.hash });
    if (checkpoints.length > maxCheckpoints) checkpoints.shift();
    // What is below every checkpoint is read again only after a rewind to the start, and then it may be given again.
    const oldest = (checkpoints[0] as { number: bigint }).number - reread;
    for (const [key, number] of handled) if (number < oldest) handled.delete(key);
  }

  /** Drops the checkpoints that are no longer on the chain. */
  async function rewind(head: Head): Promise<void> {
    let reorganised = false;
    for (let last = checkpoints.at(-1); last !== undefined; last = checkpoints.at(-1)) {
      const block = last.number > head.number ? undefined : last.number === head.number ? head : await blockAt(last.number);
      if (block?.hash === last.hash) break;
      chain.logger.info({ block: last.number, head: head.number }, "chain reorganised");
      checkpoints.pop();
      reorganised = true;
    }
    if (!reorganised) return;
    // A chain that was left can come back: its events are news again then, since the handler may have seen the other one meanwhile.
    const common = checkpoints.at(-1)?.number ?? first - 1n;
    for (const [key, number] of handled) if (number > common) handled.delete(key);
    handlers.onReorganised?.();
  }

  async function blockAt(number: bigint): Promise<Head | undefined> {
    if (number < 0n) return undefined;
    try {
      const block = await chain.client.getBlock({ blockNumber: number });
      return { number: block.number, hash: block.hash, timestamp: Number(block.timestamp) };
    } catch (error) {
      if (error instanceof Error && error.name === "BlockNotFoundError") return undefined;
      throw error;
    }
  }
}
