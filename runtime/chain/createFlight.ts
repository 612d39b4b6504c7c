import { keccak256, TransactionReceiptNotFoundError, type LocalAccount, type TransactionReceipt } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { broadcast } from "./broadcast.ts";
import { chainError } from "./chainError.ts";
import type { Chain } from "./createChain.ts";
import type { Intent } from "./intent.ts";
import type { Intents } from "./openIntents.ts";
import { currentFees, raiseFees, type Fees, type PreparedCall } from "./prepareCall.ts";

export interface SendPolicy {
  replaceAfterMs: number;
  giveUpAfterMs: number;
  maxFeePerGas: bigint;
  pollingIntervalMs: number;
}

/** What every transaction of an account is sent with. */
export interface FlightContext {
  account: LocalAccount;
  chain: Chain;
  policy: SendPolicy;
  /** Without it nothing is written down. */
  intents: Intents | undefined;
  logger: Logger;
  now: () => number;
}

/** One nonce on its way into a block, as one transaction in one or more versions at rising fees. */
export interface Flight {
  readonly nonce: number;
  readonly call: string;
  /** Of the newest version. */
  readonly hash: Hex;
  readonly fees: Fees;
  /** Whether any version may have left. */
  readonly isOut: boolean;
  /**
   * Broadcasts what has to be, raises the fee when it is time, and looks for the receipt. Undefined while it is under way; `displaced` when the nonce went to
   * another transaction. Throws if the first version is refused for good. Its record is gone once it has come to an end.
   */
  look(): Promise<TransactionReceipt | "displaced" | undefined>;
  /** Forgets one that never left. */
  discard(): Promise<void>;
}

/** Signs the first version and writes it down; `look` sends it. */
export async function createFlight(call: string, { fees, ...prepared }: PreparedCall, nonce: number, context: FlightContext): Promise<Flight> {
  const intent: Intent = { call, nonce, ...prepared, ...fees, hashes: [], signedAt: context.now() };
  const raw = await signNext(intent, context);
  return fly(intent, raw, false, context);
}

/** Goes on with one that an earlier process has broadcast and that is in the pool. */
export function resumeFlight(intent: Intent, context: FlightContext): Flight {
  return fly({ ...intent, hashes: [...intent.hashes] }, undefined, true, context);
}

/** `raw` is the newest version, unless the node has it anyway. */
function fly(intent: Intent, raw: Hex | undefined, wasOut: boolean, context: FlightContext): Flight {
  const { nonce, call } = intent;
  const { policy, logger, now, chain, intents } = context;
  let isOut = wasOut;
  let isAccepted = raw === undefined;
  let sentAt = Math.min(intent.signedAt, now());
  let looks = 0;
  let looksWithoutNonce = 0;
  const newest = (): Hex => intent.hashes.at(-1) as Hex;
  const feesOf = (): Fees => ({ maxFeePerGas: intent.maxFeePerGas, maxPriorityFeePerGas: intent.maxPriorityFeePerGas });
  const discard = async (): Promise<void> => intents?.remove(nonce);

  /** Whether the node says that the nonce is used. */
  const send = async (bytes: Hex): Promise<boolean> => {
    isOut = true;
    try {
      const answer = await broadcast(chain, bytes);
      isAccepted = answer === "accepted";
      if (answer === "underpriced") sentAt = -Infinity;
      return answer === "nonce-used";
    } catch (error) {
      // A replacement that is refused leaves the versions before it, which may still be included.
      if (intent.hashes.length > 1) {
        logger.warn({ error: chainError(error), nonce }, "replacement was refused");
        isAccepted = true;
        return false;
      }
      await discard();
      throw error;
    }
  };

  const raise = async (): Promise<void> => {
    const raised = await tryRaise(feesOf(), context);
    sentAt = now();
    isAccepted = raw === undefined;
    if (raised === undefined) return;
    Object.assign(intent, raised, { signedAt: sentAt });
    raw = await signNext(intent, context);
    isAccepted = false;
    logger.warn({ call, nonce, transaction: newest(), maxFeePerGas: intent.maxFeePerGas }, "transaction replaced at a higher fee");
  };

  return {
    nonce,
    call,
    get hash() {
      return newest();
    },
    get fees() {
      return feesOf();
    },
    get isOut() {
      return isOut;
    },
    async look() {
      let isNonceUsed = !isAccepted && raw !== undefined && (await send(raw));
      const receipt = await findReceipt(intent.hashes, context);
      if (typeof receipt === "object") {
        await discard();
        return receipt;
      }
      if (++looks % 8 === 0) isNonceUsed ||= (await usedNonces(context)) > nonce;
      // A node may know the new nonce before it knows the receipt of a version of ours, so one look does not settle it.
      if (isNonceUsed && receipt === "none" && ++looksWithoutNonce >= 3) {
        await discard();
        return "displaced";
      }
      if (now() - sentAt > policy.replaceAfterMs) await raise();
      return undefined;
    },
    discard,
  };
}

/** Signs the intent as it stands and writes the new version down before anybody sees it. */
async function signNext(intent: Intent, { account, chain, intents }: FlightContext): Promise<Hex> {
  const { to, data, value, gas, nonce, maxFeePerGas, maxPriorityFeePerGas } = intent;
  const raw = await account.signTransaction({ type: "eip1559", chainId: chain.deployment.chainId, to, data, value, gas, nonce, maxFeePerGas, maxPriorityFeePerGas });
  intent.hashes.push(keccak256(raw));
  await intents?.write(intent);
  return raw;
}

/** Higher fees, or undefined if the market or the limit forbids it now: the versions that are out may still be included. */
async function tryRaise(fees: Fees, { chain, policy, logger }: FlightContext): Promise<Fees | undefined> {
  try {
    return raiseFees(fees, await currentFees(chain, policy.maxFeePerGas), policy.maxFeePerGas);
  } catch (error) {
    logger.warn({ error: chainError(error) }, "transaction waits at its old fee");
    return undefined;
  }
}

/** The receipt of whichever version is included; `unknown` while the node does not answer. */
export async function findReceipt(hashes: readonly Hex[], { chain, logger }: FlightContext): Promise<TransactionReceipt | "none" | "unknown"> {
  let answer: "none" | "unknown" = "none";
  for (const hash of hashes) {
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

/** How many nonces of the account are used in the newest block; -1 while the node does not answer. */
async function usedNonces({ chain, account }: FlightContext): Promise<number> {
  try {
    return await chain.client.getTransactionCount({ address: account.address, blockTag: "latest" });
  } catch {
    return -1;
  }
}
