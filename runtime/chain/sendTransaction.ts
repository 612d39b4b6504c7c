import { setTimeout as delay } from "node:timers/promises";
import { keccak256, TransactionReceiptNotFoundError, type LocalAccount, type TransactionReceipt } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { broadcast } from "./broadcast.ts";
import { chainError, revertData } from "./chainError.ts";
import type { ContractCall } from "./contracts.ts";
import type { Chain } from "./createChain.ts";
import type { Nonce } from "./nonce.ts";
import { currentFees, prepareCall, raiseFees, type Fees, type PreparedCall } from "./prepareCall.ts";
import { revertError } from "./revertError.ts";

export interface SendPolicy {
  replaceAfterMs: number;
  giveUpAfterMs: number;
  maxFeePerGas: bigint;
  pollingIntervalMs: number;
}

export interface SendContext {
  account: LocalAccount;
  chain: Chain;
  policy: SendPolicy;
  nonce: Nonce;
  signal: AbortSignal | undefined;
  onReceipt: ((receipt: TransactionReceipt) => void) | undefined;
  logger: Logger;
  now: () => number;
}

/** How often a nonce that somebody else used meanwhile is replaced by a fresh one. */
const maxNonceTries = 5;
/** Gas of a plain transfer. */
const TRANSFER_GAS = 21_000n;

/** Simulates, signs, sends and waits for one call; see `Sender.send`. */
export async function sendTransaction(call: ContractCall, context: SendContext): Promise<TransactionReceipt> {
  const { account, chain, nonce, policy, logger } = context;
  for (let attempt = 1; ; attempt++) {
    // Each time anew: the transaction that took the nonce may have made this very call.
    const prepared = await prepareCall(chain, account.address, call, policy.maxFeePerGas);
    try {
      const number = await nonce.next();
      const receipt = await deliver(call, prepared, number, context);
      if (receipt !== undefined) {
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

/** Sends with one nonce, at rising fees, until one of the versions is included. Undefined: the nonce went to another transaction. */
async function deliver(call: ContractCall, prepared: PreparedCall, nonce: number, context: SendContext): Promise<TransactionReceipt | undefined> {
  const { policy, now, logger, signal } = context;
  const started = now();
  let fees = prepared.fees;
  let newest = await sign(prepared, nonce, fees, context);
  const versions = [newest];
  let sentAt = started;
  let accepted = false;
  let looksWithoutNonce = 0;
  for (let look = 0; ; look++) {
    if (signal?.aborted) throw new GainsayError("The transaction was given up before it was included.", { code: "ABORTED", details: { transaction: newest.hash } });
    let nonceUsed = false;
    if (!accepted) {
      const answer = await broadcast(context.chain, newest.raw).catch((error: unknown) => {
        // A replacement that is refused leaves the versions before it, which may still be included.
        if (versions.length === 1) throw error;
        logger.warn({ error: chainError(error), nonce }, "replacement was refused");
        return "accepted" as const;
      });
      accepted = answer === "accepted";
      nonceUsed = answer === "nonce-used";
      if (answer === "underpriced") sentAt = -Infinity;
    }
    const receipt = await findReceipt(versions, context);
    if (typeof receipt === "object") return receipt;
    if (look % 8 === 7) {
      nonceUsed ||= await isNonceUsed(nonce, context);
      await fillGap(nonce, fees, context);
    }
    // A node may know the new nonce before it knows the receipt of a version of ours, so one look does not settle it.
    if (nonceUsed && receipt === "none" && ++looksWithoutNonce >= 3) return undefined;
    if (now() - started > policy.giveUpAfterMs) {
      throw new GainsayError("The transaction was not included in time; check the fees and the node, then try again.", {
        code: "CHAIN_TX_TIMEOUT",
        retryable: true,
        details: { call: call.functionName, transaction: newest.hash, nonce },
      });
    }
    if (now() - sentAt > policy.replaceAfterMs) {
      const raised = await tryRaise(fees, context);
      sentAt = now();
      accepted = false;
      if (raised !== undefined) {
        fees = raised;
        newest = await sign(prepared, nonce, fees, context);
        versions.push(newest);
        logger.warn({ call: call.functionName, nonce, transaction: newest.hash, maxFeePerGas: fees.maxFeePerGas }, "transaction replaced at a higher fee");
      }
    }
    await delay(policy.pollingIntervalMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

async function sign(prepared: PreparedCall, nonce: number, fees: Fees, { account, chain }: SendContext): Promise<{ hash: Hex; raw: Hex }> {
  const { to, data, value, gas } = prepared;
  const raw = await account.signTransaction({ type: "eip1559", chainId: chain.deployment.chainId, to, data, value, gas, nonce, ...fees });
  return { hash: keccak256(raw), raw };
}

/** Higher fees, or undefined if the market or the limit forbids it now: the versions that are out may still be included. */
async function tryRaise(fees: Fees, { chain, policy, logger }: SendContext): Promise<Fees | undefined> {
  try {
    return raiseFees(fees, await currentFees(chain, policy.maxFeePerGas), policy.maxFeePerGas);
  } catch (error) {
    logger.warn({ error: chainError(error) }, "transaction waits at its old fee");
    return undefined;
  }
}

/** The receipt of whichever version is included; `unknown` while the node does not answer. */
async function findReceipt(versions: readonly { hash: Hex }[], { chain, logger }: SendContext): Promise<TransactionReceipt | "none" | "unknown"> {
  let answer: "none" | "unknown" = "none";
  for (const { hash } of versions) {
    try {
      return await chain.client.getTransactionReceipt({ hash });
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) continue;
      logger.debug({ error: chainError(error) }, "receipt could not be read");
      answer = "unknown";
    }
  }
  return answer;
}

async function isNonceUsed(nonce: number, { chain, account }: SendContext): Promise<boolean> {
  try {
    return (await chain.client.getTransactionCount({ address: account.address, blockTag: "latest" })) > nonce;
  } catch {
    return false;
  }
}

/**
 * A reorganisation can take earlier transactions of the account away for good, and what waits behind the gap would wait for ever. Transfers
 * of nothing to oneself close it: to send this call again with a lower nonce would leave two of it in the pool.
 */
async function fillGap(nonce: number, fees: Fees, { account, chain, logger }: SendContext): Promise<void> {
  try {
    const pending = await chain.client.getTransactionCount({ address: account.address, blockTag: "pending" });
    for (let missing = pending; missing < nonce; missing++) {
      logger.warn({ nonce: missing, waiting: nonce }, "a transaction before this one is gone from the chain; its nonce is used up");
      const raw = await account.signTransaction({ type: "eip1559", chainId: chain.deployment.chainId, to: account.address, value: 0n, gas: TRANSFER_GAS, nonce: missing, ...fees });
      await broadcast(chain, raw);
    }
  } catch (error) {
    logger.debug({ error: chainError(error), nonce }, "the nonces before this one could not be looked at");
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
