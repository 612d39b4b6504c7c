import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { provedBlockToAbi } from "../../../protocol/program/codec.ts";
import type { ProvedBlock } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { eventIn } from "./eventIn.ts";
import { unfoldCommitment } from "./unfoldCommitment.ts";

/** Opens a dispute about the inside of a block, which the executor has to expand; unfolds the commitment first if nobody has. `bond` is `getParameters(chain).rules.bond`, wei. */
export async function openBlock(sender: Sender, commitment: { jobId: bigint; digest: Hex; bond: bigint }, block: ProvedBlock, options?: SendOptions): Promise<{ disputeId: bigint; receipt: TransactionReceipt }> {
  const { jobId, digest, bond } = commitment;
  await unfoldCommitment(sender, jobId, options);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "disputes", "openBlock", [jobId, digest, provedBlockToAbi(block)], bond), options);
  return { disputeId: eventIn(sender.chain, receipt, "disputes", "Opened").args.disputeId, receipt };
}
