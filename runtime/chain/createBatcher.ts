import { setTimeout as delay } from "node:timers/promises";
import type { TransactionReceipt } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { contractCall, encodeCall, type ContractCall } from "./contracts.ts";
import type { Sender } from "./createSender.ts";
import type { Deadline } from "./createTurns.ts";
import { aborted, leaveOnAbort } from "./leaveOnAbort.ts";
import { isRevert } from "./revertError.ts";
import { splitReceipt } from "./splitReceipt.ts";
import { tryBatch } from "./tryBatch.ts";

export interface BatcherOptions {
  /** Milliseconds for which a call waits for others when nothing is under way, again and again while others come, ten times at most. Default 20. */
  gatherMs?: number;
  /** Calls in one transaction. Default 32: more save next to nothing (docs/contracts.md). */
  maxCalls?: number;
  /** Bytes of all calls in one transaction. Default 96 KiB: nodes take no transaction of more than 128 KiB. */
  maxBytes?: number;
}

/** Steps of a job, each about the one job that is its first argument. A delivery stays apart: it brings the gas of a stranger's contract. */
const steps = new Set(["claim", "commit", "expire", "finalize"]);

const MAX_GATHER_ROUNDS = 10;

interface Waiting {
  call: ContractCall;
  data: Hex;
  jobId: bigint;
  deadline: Deadline;
  isGone: boolean;
  resolve(receipt: TransactionReceipt): void;
  reject(error: unknown): void;
}

/**
 * A sender that puts steps of many jobs into one transaction (`Jobs.batch`). While one of its transactions is under way the next steps gather; when
 * none is, a step waits a few milliseconds for others, and as long as they keep coming. Each caller gets a receipt with the logs of its own job, or the error that its
 * call would have had by itself. All other calls go straight to `sender`, and wait for one batch at most.
 *
 * Nothing is kept but the promises: whoever calls derives its calls from the chain and the disk, and after a crash makes them anew.
 */
export function createBatcher(sender: Sender, { logger }: { logger: Logger }, { gatherMs = 20, maxCalls = 32, maxBytes = 96 * 1024 }: BatcherOptions = {}): Sender {
  let waiting: Waiting[] = [];
  /** The calls of the transaction under way, which is given up when all of their callers have left. */
  let current: { group: Waiting[]; controller: AbortController } | undefined;
  let isPumping = false;

  /** The earliest of those that a transaction carries and those that wait for it to be over: it must not keep an urgent one waiting in the sender's queue. */
  const urgency = (group: readonly Waiting[]) => (): number | undefined => {
    const earliest = Math.min(...[...group, ...waiting].filter(({ isGone }) => !isGone).map(timeOf));
    return earliest === Infinity ? undefined : earliest;
  };

  const pump = async (): Promise<void> => {
    if (isPumping) return;
    isPumping = true;
    while (waiting.length > 0) {
      await gather();
      await sendGroup(take());
    }
    isPumping = false;
  };

  /** Waits while others come: a transaction costs what ten steps cost, wherever its steps come one after another. */
  const gather = async (): Promise<void> => {
    for (let rounds = 0, before = 0; rounds < MAX_GATHER_ROUNDS && waiting.length > before && waiting.length < maxCalls; rounds++) {
      before = waiting.length;
      await delay(gatherMs);
    }
  };

  /** The next calls, the most urgent first: of one job one, and of all as many as a transaction carries. */
  const take = (): Waiting[] => {
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    let bytes = 0;
    for (const one of waiting.toSorted((a, b) => timeOf(a) - timeOf(b) || 0)) {
      if (one.isGone) continue;
      const size = (one.data.length - 2) / 2;
      const fits = group.length === 0 || (group.length < maxCalls && bytes + size <= maxBytes && group.every(({ jobId }) => jobId !== one.jobId));
      if (fits) bytes += size;
      (fits ? group : left).push(one);
    }
    waiting = left;
    return group;
  };

  /** Settles every call of the group, or puts it back. Never throws. */
  const sendGroup = async (group: Waiting[]): Promise<void> => {
    try {
      await sendAble(group.length > 1 ? await ableOf(group) : group);
    } catch (error) {
      // They could not even be tried.
      for (const one of group) one.reject(error);
    }
  };

  /** Sends calls that can be made, and settles them; too many for one transaction in halves. Never throws. */
  const sendAble = async (able: Waiting[]): Promise<void> => {
    const [first] = able;
    if (first === undefined) return;
    try {
      const controller = new AbortController();
      current = { group: able, controller };
      leave();
      const how = { signal: controller.signal, deadline: urgency(able) };
      if (able.length === 1) return settle(first, await sender.send(first.call, how));
      const call: ContractCall = { ...contractCall(sender.chain.deployment, "jobs", "batch", [able.map(({ data }) => data)]), isTried: true };
      const receipt = await sender.send(call, how);
      logger.debug({ calls: able.length, transaction: receipt.transactionHash, gas: receipt.gasUsed }, "batch included");
      const parts = splitReceipt(sender.chain, receipt, able.map(({ jobId }) => jobId));
      for (const [i, one] of able.entries()) settle(one, parts[i]);
    } catch (error) {
      if (able.length > 1 && isTooMuch(error)) {
        const half = Math.ceil(able.length / 2);
        await sendAble(able.slice(0, half));
        return sendAble(able.slice(half));
      }
      for (const one of able) one.reject(error);
    }
  };

  const leave = (): void => {
    if (current?.group.every(({ isGone }) => isGone)) current.controller.abort();
  };

  /** Tries the group as it stands: what would fail by itself is rejected at once, what only fails behind the others goes first in the next batch. */
  const ableOf = async (group: Waiting[]): Promise<Waiting[]> => {
    const outcomes = await tryBatch(sender.chain, sender.address, group.map(({ call, data }) => ({ to: call.address, data })));
    const able: Waiting[] = [];
    const again: Waiting[] = [];
    for (const [i, one] of group.entries()) {
      const outcome = outcomes[i];
      if (outcome === "done") able.push(one);
      else if (outcome === "crowded") again.push(one);
      else one.reject(outcome);
    }
    // Two that exclude each other: one of them is decided by the chain.
    if (able.length === 0) able.push(...again.splice(0, 1));
    waiting = [...again, ...waiting];
    return able;
  };

  return {
    address: sender.address,
    chain: sender.chain,
    send(call, options = {}) {
      const { signal } = options;
      if (call.contract !== "jobs" || !steps.has(call.functionName)) return sender.send(call, options);
      if (signal?.aborted) return Promise.reject(aborted());
      const one: Waiting = { call, data: encodeCall(call), jobId: call.args[0] as bigint, deadline: options.deadline, isGone: false, resolve: () => undefined, reject: () => undefined };
      const turn = new Promise<TransactionReceipt>((resolve, reject) => Object.assign(one, { resolve, reject }));
      waiting.push(one);
      void pump();
      if (signal === undefined) return turn;
      const abandon = (): void => {
        one.isGone = true;
        leave();
      };
      signal.addEventListener("abort", abandon, { once: true });
      return leaveOnAbort(turn, signal).finally(() => signal.removeEventListener("abort", abandon));
    },
  };
}

function timeOf({ deadline }: Waiting): number {
  return (typeof deadline === "function" ? deadline() : deadline) ?? Infinity;
}

function settle(one: Waiting, outcome: TransactionReceipt | GainsayError | undefined): void {
  if (outcome instanceof GainsayError || outcome === undefined) one.reject(outcome ?? new GainsayError("The batch told nothing of one of its calls; the deployment file names other contracts.", { code: "CHAIN_EVENT_MISSING" }));
  else one.resolve(outcome);
}

/** Whether half of the calls might do where all of them do not. */
function isTooMuch(error: unknown): boolean {
  return isRevert(error, "StarvedCall") || (error instanceof GainsayError && error.code === "CHAIN_GAS_LIMIT");
}
