import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { noCommitment } from "../jobRecord.ts";
import { recordOf } from "../reads/getJobRecord.ts";

/** Makes an unchallenged commitment final and pays the executor; `digest` as the ledger has it saves a look. Anybody, after the challenge window. */
export async function finalizeJob(sender: Sender, jobId: bigint, { digest, ...options }: SendOptions & { digest?: Hex } = {}): Promise<TransactionReceipt> {
  const { terms, commitment = noCommitment } = await recordOf(sender.chain, jobId, digest);
  return sender.send(contractCall(sender.chain.deployment, "jobs", "finalize", [jobId, terms, commitment]), options);
}
