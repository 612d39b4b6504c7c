import { setTimeout as delay } from "node:timers/promises";
import type { TransactionReceipt } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { chainError, revertData } from "./chainError.ts";
import type { ContractCall } from "./contracts.ts";
import { createFlight, type Flight, type FlightContext } from "./createFlight.ts";
import type { Leftovers } from "./createLeftovers.ts";
import type { Nonce } from "./nonce.ts";
import { prepareCall, type PreparedCall } from "./prepareCall.ts";
import { revertError } from "./revertError.ts";

export interface SendContext extends FlightContext {
  nonce: Nonce;
  leftovers: Leftovers;
  signal: AbortSignal | undefined;
  onReceipt: ((receipt: TransactionReceipt) => void) | undefined;
}

/** How often a nonce that somebody else used meanwhile is replaced by a fresh one. */
const maxNonceTries = 5;

/** Simulates, signs, sends and waits for one call; see `Sender.send`. */
export async function sendTransaction(call: ContractCall, context: SendContext): Promise<TransactionReceipt> {
  const { account, chain, nonce, policy, logger, leftovers } = context;
  for (let attempt = 1; ; attempt++) {
    await leftovers.settle(context.signal);
    // Each time anew: the transaction that took the nonce may have made this very call.
    const prepared = await prepareCall(chain, account.address, call, policy.maxFeePerGas);
    try {
      const number = await nonce.next();
      leftovers.supersede(number);
      const receipt = await deliver(await createFlight(call.functionName, prepared, number, context), context);
      if (receipt !== "displaced") {
        nonce.used(number, receipt.transactionHash);
        context.onReceipt?.(receipt);
        if (receipt.status === "reverted") throw await explainRevert(prepared, receipt, context);
        logger.debug({ call: call.functionName, transaction: receipt.transactionHash, block: receipt.blockNumber, gas: receipt.gasUsed }, "transaction included");
        return receipt;
      }
      nonce.forget();
      logger.info({ call: call.functionName, nonce: number }, "nonce was taken by another transaction");
    } catch (error) {
      if (!(error instanceof GainsayError && error.code === "CONTRACT_REVERTED")) nonce.forget();
      throw chainError(error);
    }
    if (attempt === maxNonceTries) {
      throw new GainsayError("Other transactions of this account keep taking its nonces; use one account for one process.", {
        code: "CHAIN_TX_DISPLACED",
        retryable: true,
        details: { account: account.address },
      });
    }
  }
}

/** Looks at it until it has come to an end. What is given up before that is left over. */
async function deliver(flight: Flight, { policy, now, signal, leftovers }: SendContext): Promise<TransactionReceipt | "displaced"> {
  const started = now();
  for (let looks = 0; ; looks++) {
    if (signal?.aborted) {
      if (flight.isOut) leftovers.add(flight, false);
      else await flight.discard();
      throw new GainsayError("The transaction was given up before it was included.", { code: "ABORTED", details: { transaction: flight.hash } });
    }
    const outcome = await flight.look();
    if (outcome !== undefined) return outcome;
    await leftovers.tend(flight.nonce);
    if (looks % 8 === 7) await leftovers.closeGaps(flight, now() - started);
    if (now() - started > policy.giveUpAfterMs) {
      leftovers.add(flight, true);
      throw new GainsayError("The transaction was not included in time; check the fees and the node, then try again.", {
        code: "CHAIN_TX_TIMEOUT",
        retryable: true,
        details: { call: flight.call, transaction: flight.hash, nonce: flight.nonce },
      });
    }
    await delay(policy.pollingIntervalMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Runs a reverted transaction again, to say why: the state was another one than the simulation saw. */
async function explainRevert(prepared: PreparedCall, receipt: TransactionReceipt, { account, chain }: SendContext): Promise<GainsayError> {
  const { to, data, value, gas } = prepared;
  let reason: Hex = "0x";
  // What made it fail is usually still so after its block, or was so before it.
  for (const blockNumber of [receipt.blockNumber, receipt.blockNumber - 1n]) {
    try {
      await chain.client.call({ account: account.address, to, data, value, gas, blockNumber });
    } catch (error) {
      reason = revertData(error) ?? "0x";
      if (reason !== "0x") break;
    }
  }
  const error = revertError(reason);
  return new GainsayError(error.message, { code: error.code, retryable: error.retryable, details: { ...error.details, transaction: receipt.transactionHash, gasUsed: receipt.gasUsed } });
}
