import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { fromHex } from "../../../protocol/hex.ts";
import { witnessFromAbi } from "../../../protocol/program/decode.ts";
import type { Verdict, Witness } from "../../../protocol/program/types.ts";
import type { Chain } from "../createChain.ts";
import type { EventPlace, EventsOf } from "../events.ts";
import { getEvents } from "../getEvents.ts";
import { isRevert } from "../revertError.ts";
import { disputeOutcomes, type Dispute, type DisputeOutcome } from "../types.ts";
import { getDisputes } from "./getDispute.ts";
import { lackingMove } from "./lackingMove.ts";

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

/** How often state and events are read again if they do not fit: a reorganisation in between, or a node whose logs lag behind. */
const TRIES = 4;
const WAIT_MS = 250;

/**
 * Rebuilds a dispute from its events, first to last, at least up to where it stands: as `known`, or as the contract says now. Empty if there is no such dispute.
 * Throws `CHAIN_RECORD_MISSING`, retryable, if the endpoint leaves some out: a move that is made without them would be a wrong one.
 */
export async function readDisputeMoves(chain: Chain, disputeId: bigint, known?: Dispute): Promise<DisputeMove[]> {
  for (let attempt = 1; ; attempt++) {
    const [state] = known === undefined ? await getDisputes(chain, [disputeId]) : [known];
    if (state instanceof GainsayError && !isRevert(state, "UnknownDispute")) throw state;
    const moves = movesOf(await getEvents(chain, { contract: "disputes", indexed: [disputeId] }));
    const lacking = state === undefined || state instanceof GainsayError ? undefined : lackingMove(state, moves);
    if (lacking === undefined) return moves;
    // The contract counts it, so its event must be: an endpoint that does not have it after a while is not asked again.
    if (attempt >= TRIES / 2) chain.doubtLogs();
    if (attempt === TRIES) {
      throw new GainsayError("The endpoint leaves out events of the dispute, without which the next move cannot be told; use one that keeps all logs.", {
        code: "CHAIN_RECORD_MISSING",
        retryable: true,
        details: { disputeId, lacking },
      });
    }
    await delay(WAIT_MS);
  }
}

function movesOf(events: readonly EventsOf<"disputes">[]): DisputeMove[] {
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
