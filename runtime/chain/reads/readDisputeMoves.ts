import type { Address } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { fromHex } from "../../../protocol/hex.ts";
import { witnessFromAbi } from "../../../protocol/program/codec.ts";
import type { Verdict, Witness } from "../../../protocol/program/types.ts";
import type { Chain } from "../createChain.ts";
import type { EventPlace } from "../events.ts";
import { getEvents } from "../getEvents.ts";
import { disputeOutcomes, type DisputeOutcome } from "../types.ts";

/** One thing that happened in a dispute. `turn` is the turn that the move made. */
export type DisputeMove = EventPlace &
  (
    | { kind: "open"; jobId: bigint; attempt: number; challenger: Address; seal: Hex; bond: bigint }
    | { kind: "reveal"; turn: number; node: Hex; children: Hex[] }
    | { kind: "choose"; turn: number; index: number; child: Hex }
    /** `source` is 2 for a tensor of the posted trace, 3 for one of the inner trace. */
    | { kind: "tensor"; turn: number; source: number; tensor: number; stepIndex: number; byteLength: number; tensorRoot: Hex }
    /** `turn` is the one that expands it. */
    | { kind: "block"; turn: number; block: number; innerCount: number }
    | { kind: "expand"; turn: number; block: number; innerRoot: Hex }
    | { kind: "descend"; turn: number; block: number }
    | { kind: "seal"; turn: number; seal: Hex }
    | { kind: "chunk"; turn: number; tensor: number; chunk: number; data: Uint8Array }
    /** `turn` is the one that answers it. */
    | { kind: "demand"; turn: number; stepIndex: number; source: number; tensor: number; element: number }
    | { kind: "answer"; turn: number; witness: Witness }
    | { kind: "refute"; stepIndex: number; element: number; verdict: Verdict }
    | { kind: "end"; outcome: DisputeOutcome; bondTo: Address }
  );

/** Rebuilds a dispute from its events, first to last. Empty if there is no such dispute. */
export async function readDisputeMoves(chain: Chain, disputeId: bigint): Promise<DisputeMove[]> {
  const events = await getEvents(chain, { contract: "disputes", indexed: [disputeId] });
  const moves: DisputeMove[] = [];
  for (const event of events) {
    const { blockNumber, blockHash, transactionHash, logIndex } = event;
    const place = { blockNumber, blockHash, transactionHash, logIndex };
    switch (event.name) {
      case "Opened": {
        const { jobId, attempt, challenger, seal, bond } = event.args;
        moves.push({ ...place, kind: "open", jobId, attempt, challenger, seal, bond });
        break;
      }
      case "Revealed":
        moves.push({ ...place, kind: "reveal", turn: event.args.turn, node: event.args.node, children: [...event.args.children] });
        break;
      case "Chosen":
        moves.push({ ...place, kind: "choose", turn: event.args.turn, index: Number(event.args.index), child: event.args.child });
        break;
      case "TensorNamed": {
        const { turn, source, tensor, stepIndex, byteLength, tensorRoot } = event.args;
        moves.push({ ...place, kind: "tensor", turn, source, tensor, stepIndex, byteLength: Number(byteLength), tensorRoot });
        break;
      }
      case "BlockNamed":
        moves.push({ ...place, kind: "block", turn: event.args.turn, block: event.args.blockIndex, innerCount: event.args.innerCount });
        break;
      case "Expanded":
        moves.push({ ...place, kind: "expand", turn: event.args.turn, block: event.args.blockIndex, innerRoot: event.args.innerRoot });
        break;
      case "Descended":
        moves.push({ ...place, kind: "descend", turn: event.args.turn, block: event.args.blockIndex });
        break;
      case "Sealed":
        moves.push({ ...place, kind: "seal", turn: event.args.turn, seal: event.args.seal });
        break;
      case "ChunkRevealed": {
        const { turn, tensor, chunk, data } = event.args;
        moves.push({ ...place, kind: "chunk", turn, tensor, chunk: Number(chunk), data: fromHex(data) });
        break;
      }
      case "Demanded": {
        const { turn, stepIndex, source, tensor, element } = event.args;
        moves.push({ ...place, kind: "demand", turn, stepIndex, source, tensor, element: Number(element) });
        break;
      }
      case "Answered":
        moves.push({ ...place, kind: "answer", turn: event.args.turn, witness: witnessFromAbi(event.args.witness) });
        break;
      case "Refuted":
        moves.push({ ...place, kind: "refute", stepIndex: event.args.stepIndex, element: Number(event.args.element), verdict: event.args.verdict });
        break;
      case "Ended":
        moves.push({ ...place, kind: "end", outcome: disputeOutcomes[event.args.outcome] ?? "none", bondTo: event.args.bondTo });
        break;
    }
  }
  return moves;
}
