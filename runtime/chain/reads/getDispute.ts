import type { Chain } from "../createChain.ts";
import { disputeOutcomes, disputePhases, type Dispute } from "../types.ts";
import { read } from "./read.ts";

/** All that the chain knows of a dispute. Throws `CONTRACT_REVERTED` (`UnknownDispute`). */
export async function getDispute(chain: Chain, disputeId: bigint): Promise<Dispute> {
  const { position, ...dispute } = await read(chain, "disputes", "getDispute", [disputeId]);
  return {
    ...dispute,
    id: disputeId,
    phase: disputePhases[dispute.phase] ?? "none",
    outcome: disputeOutcomes[dispute.outcome] ?? "none",
    turnStart: Number(dispute.turnStart),
    deadline: Number(dispute.deadline),
    seal: dispute.sealedAt === 0n ? undefined : dispute.seal,
    sealedAt: Number(dispute.sealedAt),
    position: { ...position, index: Number(position.index), byteLength: Number(position.byteLength), leaves: Number(position.leaves) },
  };
}

/** How many disputes there are, now or at a block; they are numbered from 1. */
export function getDisputeCount(chain: Chain, blockNumber?: bigint): Promise<bigint> {
  return read(chain, "disputes", "disputeCount", [], blockNumber);
}
