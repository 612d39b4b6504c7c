import type { ContractFunctionReturnType } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Abis } from "../contracts.ts";
import type { Chain } from "../createChain.ts";
import { disputeOutcomes, disputePhases, type Dispute } from "../types.ts";
import { read } from "./read.ts";
import { readMany } from "./readMany.ts";

type DisputeState = ContractFunctionReturnType<Abis["disputes"], "view", "getDispute">;

/** All that the chain knows of a dispute. Throws `CONTRACT_REVERTED` (`UnknownDispute`). */
export async function getDispute(chain: Chain, disputeId: bigint): Promise<Dispute> {
  return disputeOf(disputeId, await read(chain, "disputes", "getDispute", [disputeId]));
}

/** The same of many disputes, in few requests: for each the dispute, or the error `CONTRACT_REVERTED` (`UnknownDispute`). */
export async function getDisputes(chain: Chain, disputeIds: readonly bigint[]): Promise<(Dispute | GainsayError)[]> {
  const states = await readMany(chain, "disputes", "getDispute", disputeIds.map((disputeId) => [disputeId] as const));
  return states.map((state, i) => (state instanceof GainsayError ? state : disputeOf(disputeIds[i] as bigint, state)));
}

function disputeOf(disputeId: bigint, { position, ...dispute }: DisputeState): Dispute {
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
