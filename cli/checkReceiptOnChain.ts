import type { Receipt, ReceiptCheck } from "../protocol/receipt/receipt.ts";
import { chainError } from "../runtime/chain/chainError.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import { decodeEvent, type EventOf } from "../runtime/chain/events.ts";
import { getJob } from "../runtime/chain/reads/getJob.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";

/** Asks the chain whether it says what the receipt says. Throws only if the chain cannot be asked. */
export async function checkReceiptOnChain(chain: Chain, receipt: Receipt): Promise<ReceiptCheck[]> {
  const sameChain = receipt.chainId === chain.deployment.chainId;
  const sameContract = receipt.jobs.toLowerCase() === chain.deployment.contracts.jobs.toLowerCase();
  const place: ReceiptCheck[] = [
    { name: `the receipt is of chain ${chain.deployment.chainId}`, holds: sameChain },
    { name: "the receipt is of this deployment's contracts", holds: sameContract },
  ];
  // Elsewhere the same job number is another job, and more would only be noise.
  if (!sameChain || !sameContract) return place;
  const job = await findJob(chain, BigInt(receipt.jobId));
  const committed = await eventOf(chain, receipt.committedIn, receipt, "Committed");
  const finalized = await eventOf(chain, receipt.finalizedIn, receipt, "Finalized");
  return [
    ...place,
    { name: "the chain has the job", holds: job !== undefined },
    { name: "the job is final", holds: job?.status === "final" },
    { name: "the job is of the receipt's program", holds: job?.programRoot === receipt.programRoot },
    { name: "the job is of the receipt's input", holds: job?.inputRoot === receipt.inputRoot },
    { name: "the job's trace is the receipt's", holds: job?.traceRoot === receipt.traceRoot },
    { name: "the job's output is the receipt's", holds: job?.outputRoot === receipt.outputRoot },
    { name: "the job's executor and attempt are the receipt's", holds: job?.executor !== undefined && same(job.executor, receipt.executor) && job.attempt === receipt.attempt },
    { name: "the commitment stands in the transaction that the receipt names", holds: committed !== undefined && committed.args.attempt === receipt.attempt && committed.args.outputRoot === receipt.outputRoot && committed.args.traceRoot === receipt.traceRoot && same(committed.args.executor, receipt.executor) },
    { name: "the job became final in the transaction that the receipt names", holds: finalized !== undefined && finalized.args.attempt === receipt.attempt && same(finalized.args.executor, receipt.executor) },
  ];
}

async function findJob(chain: Chain, jobId: bigint): Promise<Job | undefined> {
  try {
    return await getJob(chain, jobId);
  } catch (error) {
    if (isRevert(error, "UnknownJob")) return undefined;
    throw error;
  }
}

async function eventOf<N extends "Committed" | "Finalized">(chain: Chain, hash: `0x${string}`, receipt: Receipt, name: N): Promise<EventOf<"jobs", N> | undefined> {
  const transaction = await chain.client.getTransactionReceipt({ hash }).catch((error: unknown) => {
    if (error instanceof Error && error.name === "TransactionReceiptNotFoundError") return undefined;
    throw chainError(error);
  });
  if (transaction?.status !== "success") return undefined;
  for (const log of transaction.logs) {
    const event = decodeEvent(chain.deployment, log);
    if (event?.contract === "jobs" && event.name === name && event.args.jobId === BigInt(receipt.jobId)) return event as EventOf<"jobs", N>;
  }
  return undefined;
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
