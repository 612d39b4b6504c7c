import { encodeEventTopics, type TransactionReceipt } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { jobsAbi } from "./abis.ts";
import type { Chain } from "./createChain.ts";
import { decodeEvent } from "./events.ts";
import { revertError } from "./revertError.ts";

const [callFailed] = encodeEventTopics({ abi: jobsAbi, eventName: "CallFailed" });

/**
 * What a batch of calls, each about another job, came to: for each call the receipt of the transaction with the logs of `Jobs` about that job
 * alone, or the error that it was left out with.
 */
export function splitReceipt(chain: Chain, receipt: TransactionReceipt, jobIds: readonly bigint[]): (TransactionReceipt | GainsayError)[] {
  const failed = new Map<number, GainsayError>();
  const logs = new Map<bigint, TransactionReceipt["logs"]>(jobIds.map((jobId) => [jobId, []]));
  for (const log of receipt.logs) {
    const [name, first] = log.topics;
    // All other events of the contract begin with the number of their job.
    if (name !== callFailed) {
      if (log.address.toLowerCase() === chain.deployment.contracts.jobs.toLowerCase() && first !== undefined) logs.get(BigInt(first))?.push(log);
      continue;
    }
    const event = decodeEvent(chain.deployment, log);
    if (event?.contract !== "jobs" || event.name !== "CallFailed") continue;
    const { message, code, retryable, details } = revertError(event.args.reason);
    failed.set(Number(event.args.index), new GainsayError(message, { code, retryable, details: { ...details, transaction: receipt.transactionHash } }));
  }
  return jobIds.map((jobId, i) => failed.get(i) ?? { ...receipt, logs: logs.get(jobId) ?? [] });
}
