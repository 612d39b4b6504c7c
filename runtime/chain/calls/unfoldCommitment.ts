import type { Sender, SendOptions } from "../createSender.ts";
import { contractCall } from "../contracts.ts";
import { noCommitment } from "../jobRecord.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";

/** Puts a standing commitment into storage, which every dispute needs, unless somebody has done so. */
export async function unfoldCommitment(sender: Sender, jobId: bigint, options?: SendOptions): Promise<void> {
  const { state, terms, commitment = noCommitment } = await getJobRecord(sender.chain, jobId);
  if (!state.unfolded) await sender.send(contractCall(sender.chain.deployment, "jobs", "unfold", [jobId, terms, commitment]), options);
}
