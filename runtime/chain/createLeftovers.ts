import { setTimeout as delay } from "node:timers/promises";
import { TransactionNotFoundError, TransactionReceiptNotFoundError } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { chainError } from "./chainError.ts";
import { createFlight, resumeFlight, type Flight, type FlightContext } from "./createFlight.ts";
import type { Intent } from "./intent.ts";
import { aborted } from "./leaveOnAbort.ts";
import type { Fees } from "./prepareCall.ts";

/** Gas of a plain transfer. */
const TRANSFER_GAS = 21_000n;

/** Transactions of an account that nobody here waits for any more and that may still be included. Whatever comes after them waits for their nonces. */
export interface Leftovers {
  /** `isAwaited`: nothing else is sent before it has come to an end. */
  add(flight: Flight, isAwaited: boolean): void;
  /** Another transaction takes this nonce. */
  supersede(nonce: number): void;
  /** Looks at those of lower nonces: their fees rise too. */
  tend(before: number): Promise<void>;
  /**
   * Sees to it that every nonce before the one that waits has a transaction, and one that can be included: transfers of nothing to oneself take the place of what a
   * reorganisation took away for good, and of what nobody here knows and does not move while half of the time is over.
   */
  closeGaps(waiting: Pick<Flight, "nonce" | "fees">, waitedMs: number): Promise<void>;
  /**
   * Waits for those that earlier processes have left and those that were awaited in vain. Those that are gone are forgotten: who made them decides anew.
   * @throws GainsayError `CHAIN_TX_TIMEOUT`, `CHAIN_UNREACHABLE`, `CHAIN_FAILED`, `ABORTED`.
   */
  settle(signal: AbortSignal | undefined): Promise<void>;
}

export function createLeftovers(context: FlightContext): Leftovers {
  const { account, chain, intents, logger, now, policy } = context;
  const flights = new Map<Flight, { isAwaited: boolean }>();
  const unread: Intent[] = [...(intents?.left ?? [])];

  const look = async (flight: Flight): Promise<void> => {
    try {
      const outcome = await flight.look();
      if (outcome === undefined) return;
      flights.delete(flight);
      logger.info({ call: flight.call, nonce: flight.nonce, ...(outcome === "displaced" ? {} : { transaction: outcome.transactionHash, status: outcome.status }) }, outcome === "displaced" ? "nonce of an earlier transaction was taken by another one" : "earlier transaction included");
    } catch (error) {
      flights.delete(flight);
      logger.warn({ error: chainError(error), call: flight.call, nonce: flight.nonce }, "earlier transaction was refused");
    }
  };

  /** What became of one that an earlier process has written down. */
  const takeUp = async (intent: Intent): Promise<void> => {
    const { call, nonce, hashes } = intent;
    const fields = { call, nonce, transaction: hashes.at(-1) };
    if (await isAny(hashes, (hash) => chain.client.getTransactionReceipt({ hash }))) logger.info(fields, "transaction of an earlier run was included");
    else if ((await chain.client.getTransactionCount({ address: account.address, blockTag: "latest" })) > nonce) logger.info(fields, "nonce of an earlier run's transaction was taken by another one");
    else if (await isAny(hashes, (hash) => chain.client.getTransaction({ hash }))) {
      logger.warn(fields, "transaction of an earlier run still waits, and its fee will be raised");
      return void flights.set(resumeFlight(intent, context), { isAwaited: true });
    } else logger.warn(fields, "transaction of an earlier run is gone from the pool; what it was for is decided anew");
    await intents?.remove(nonce);
  };

  const tend = async (before: number): Promise<void> => {
    for (const flight of [...flights.keys()]) if (flight.nonce < before) await look(flight);
  };

  const holdsNonce = (nonce: number): boolean => [...flights.keys()].some((flight) => flight.nonce === nonce);

  const fill = async (nonce: number, fees: Fees): Promise<void> => {
    const flight = await createFlight("transfer", { to: account.address, data: "0x", value: 0n, gas: TRANSFER_GAS, fees }, nonce, context);
    flights.set(flight, { isAwaited: false });
    await look(flight);
  };

  const closeGaps: Leftovers["closeGaps"] = async ({ nonce, fees }, waitedMs) => {
    try {
      const [used, pending] = await Promise.all((["latest", "pending"] as const).map((blockTag) => chain.client.getTransactionCount({ address: account.address, blockTag }))) as [number, number];
      for (let missing = pending; missing < nonce; missing++) {
        if (holdsNonce(missing)) continue;
        logger.warn({ nonce: missing, waiting: nonce }, "a transaction before this one is gone from the chain; its nonce is used up");
        await fill(missing, fees);
      }
      if (waitedMs < policy.giveUpAfterMs / 2 || used >= Math.min(nonce, pending) || holdsNonce(used)) return;
      logger.warn({ nonce: used, waiting: nonce }, "a transaction that nobody here knows keeps this one waiting; its nonce is used up");
      await fill(used, fees);
    } catch (error) {
      logger.debug({ error: chainError(error), nonce }, "the nonces before this one could not be looked at");
    }
  };

  return {
    add: (flight, isAwaited) => void flights.set(flight, { isAwaited }),
    supersede(nonce) {
      for (const flight of [...flights.keys()]) if (flight.nonce === nonce) flights.delete(flight);
    },
    tend,
    closeGaps,
    async settle(signal) {
      try {
        for (let intent = unread[0]; intent !== undefined; intent = unread[0]) {
          await takeUp(intent);
          unread.shift();
        }
      } catch (error) {
        throw chainError(error);
      }
      const started = now();
      for (let looks = 0; ; looks++) {
        const last = [...flights].filter(([, { isAwaited }]) => isAwaited).map(([flight]) => flight).sort((a, b) => b.nonce - a.nonce)[0];
        if (last === undefined) return;
        if (signal?.aborted) throw aborted();
        await tend(last.nonce + 1);
        if (!flights.has(last)) continue;
        if (looks % 8 === 7) await closeGaps(last, now() - started);
        if (now() - started > policy.giveUpAfterMs) {
          throw new GainsayError("An earlier transaction of this account is still not included, and nothing can be before it; check the fees and the node, then try again.", {
            code: "CHAIN_TX_TIMEOUT",
            retryable: true,
            details: { call: last.call, transaction: last.hash, nonce: last.nonce },
          });
        }
        await delay(policy.pollingIntervalMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      }
    },
  };
}

/** Whether the node knows one of them; throws what it answers otherwise. */
async function isAny(hashes: readonly Hex[], ask: (hash: Hex) => Promise<unknown>): Promise<boolean> {
  for (const hash of hashes) {
    try {
      await ask(hash);
      return true;
    } catch (error) {
      if (!(error instanceof TransactionReceiptNotFoundError || error instanceof TransactionNotFoundError)) throw error;
    }
  }
  return false;
}
