import type { Address, LocalAccount, TransactionReceipt } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import type { Metrics } from "../telemetry/createMetrics.ts";
import { approvalsFor } from "./approvePayment.ts";
import type { Chain } from "./createChain.ts";
import type { ContractCall } from "./contracts.ts";
import type { SendPolicy } from "./createFlight.ts";
import { createLeftovers } from "./createLeftovers.ts";
import { createTurns, type Deadline } from "./createTurns.ts";
import { aborted, leaveOnAbort } from "./leaveOnAbort.ts";
import { createNonce } from "./nonce.ts";
import type { Intents } from "./openIntents.ts";
import { sendTransaction } from "./sendTransaction.ts";

export interface SenderOptions {
  /** A local account, which signs here: the node never holds the key. */
  account: LocalAccount;
  chain: Chain;
  /** Milliseconds without inclusion after which the same transaction is sent again at a higher fee. Default 30 000. */
  replaceAfterMs?: number;
  /** Milliseconds after which a transaction that is still not included is given up. Default 600 000. */
  giveUpAfterMs?: number;
  /** wei a gas unit above which nothing is sent. Default 500 gwei. */
  maxFeePerGas?: bigint;
  /** Milliseconds between looks at the chain while waiting. Default 250. */
  pollingIntervalMs?: number;
}

export interface SenderDependencies {
  logger: Logger;
  /** Counts transactions by call and outcome, and the gas they took. */
  metrics?: Metrics;
  /** Where each transaction is written down before it is sent. Without it, one that is stuck is not known after a restart. */
  intents?: Intents | undefined;
  /** Milliseconds, monotonic or not; only differences count. */
  now?: () => number;
}

export interface SendOptions {
  /** The last second for the call, unix time: the most urgent one is sent first, and what has none last. A transaction that is out keeps its place. */
  deadline?: Deadline;
  /** Gives up waiting, or the place in the queue. A transaction that is out already may still be included. */
  signal?: AbortSignal | undefined;
  /** Told of each transaction that was included for the call, also of an approval before it and of one that reverted. */
  onReceipt?: ((receipt: TransactionReceipt) => void) | undefined;
}

export interface Sender {
  readonly address: Address;
  readonly chain: Chain;
  /**
   * Simulates the call, signs it, sends it and waits until it is included; one after another, the earliest deadline first.
   * @throws GainsayError `CONTRACT_REVERTED` (nothing was spent, or `details.transaction` names what was), `CHAIN_NO_FUNDS`,
   * `CHAIN_GAS_LIMIT`, `CHAIN_FEE_TOO_HIGH`, `CHAIN_TX_TIMEOUT`, `CHAIN_TX_DISPLACED`, `CHAIN_UNREACHABLE`, `CHAIN_FAILED`, `ABORTED`.
   */
  send(call: ContractCall, options?: SendOptions): Promise<TransactionReceipt>;
}

export interface AccountSender extends Sender {
  /** Waits for what an earlier process has sent and not seen included, and raises its fee like any other's. Every `send` does so first. Throws as `send` does. */
  resume(signal?: AbortSignal): Promise<void>;
}

/** Makes the one sender of an account: two senders of the same account would race for its nonces. */
export function createSender(options: SenderOptions, dependencies: SenderDependencies): AccountSender {
  const { account, chain } = options;
  const policy: SendPolicy = {
    replaceAfterMs: options.replaceAfterMs ?? 30_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 600_000,
    maxFeePerGas: options.maxFeePerGas ?? 500_000_000_000n,
    pollingIntervalMs: options.pollingIntervalMs ?? 250,
  };
  const nonce = createNonce(chain, account.address);
  const count = counting(dependencies.metrics);
  const context = { account, chain, policy, intents: dependencies.intents, logger: dependencies.logger, now: dependencies.now ?? Date.now };
  const leftovers = createLeftovers(context);
  const turns = createTurns();
  return {
    address: account.address,
    chain,
    resume: (signal) => turns.take(-Infinity, () => leftovers.settle(signal)),
    send(call, { signal, onReceipt, deadline } = {}) {
      const one = (each: ContractCall): Promise<TransactionReceipt> => {
        if (signal?.aborted) throw aborted();
        const sent = sendTransaction(each, { ...context, nonce, leftovers, signal, onReceipt });
        return count(each.functionName, sent);
      };
      const turn = turns.take(deadline, async () => {
        for (const approval of await approvalsFor(chain, account.address, call)) await one(approval);
        return one(call);
      });
      return signal === undefined ? turn : leaveOnAbort(turn, signal);
    },
  };
}

function counting(metrics: Metrics | undefined): (call: string, sent: Promise<TransactionReceipt>) => Promise<TransactionReceipt> {
  const transactions = metrics?.counter("transactions_total", "Contract calls sent or refused, by outcome: included, or the error's code.", ["call", "outcome"]);
  const gas = metrics?.counter("transaction_gas_total", "Gas used by included contract calls.", ["call"]);
  return async (call, sent) => {
    try {
      const receipt = await sent;
      transactions?.inc({ call, outcome: "included" });
      gas?.inc({ call }, Number(receipt.gasUsed));
      return receipt;
    } catch (error) {
      transactions?.inc({ call, outcome: error instanceof GainsayError ? error.code : "UNKNOWN" });
      throw error;
    }
  };
}
