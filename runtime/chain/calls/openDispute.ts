import { zeroHash, type TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { unfoldCommitment } from "./unfoldCommitment.ts";
import { eventIn } from "./eventIn.ts";

export interface DisputeOpening {
  jobId: bigint;
  /** Of the commitment, as `getJob` tells it. */
  digest: Hex;
  /** `sealOf(challenger, salt, witness)` for a refutation; without it a bisection starts. */
  seal?: Hex;
  /** wei; `getParameters(chain).rules.bond`. */
  bond: bigint;
}

/** Opens a bonded dispute against a commitment within its challenge window, and unfolds the commitment first if nobody has. */
export async function openDispute(sender: Sender, opening: DisputeOpening, options?: SendOptions): Promise<{ disputeId: bigint; receipt: TransactionReceipt }> {
  const { jobId, digest, seal = zeroHash, bond } = opening;
  await unfoldCommitment(sender, jobId, options);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "disputes", "open", [jobId, digest, seal], bond), options);
  return { disputeId: eventIn(sender.chain, receipt, "disputes", "Opened").args.disputeId, receipt };
}
