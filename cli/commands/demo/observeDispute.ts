import type { Chain } from "../../../runtime/chain/createChain.ts";
import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { readDisputeMoves, type DisputeMove } from "../../../runtime/chain/reads/readDisputeMoves.ts";
import { pathOf } from "../../describeDispute.ts";
import type { StagedDaemon } from "./createStage.ts";

/** What the demo tells of a dispute. */
export interface DisputeStory {
  id: string;
  jobId: string;
  path: "refute" | "bisect" | "demand";
  winner: "challenger" | "defender" | "none";
  step: number;
  element: number;
  /** Reveals of the defender that the challenger answered; 0 for a refutation. */
  rounds: number;
  /** All transactions of the dispute together. */
  gas: string;
  /** The one that convicted. */
  refutationGas: string;
  claimed: string;
  /** Exact value and rounding bound, if the step is a sum without an epilogue. */
  exact: string | null;
  bound: string | null;
  /** Where a sound value would lie. */
  soundFrom: string;
  soundTo: string;
}

/** Reads the disputes that were opened after the first `known` ones and have ended. */
export async function readStories(chain: Chain, known: bigint, watcher: StagedDaemon): Promise<DisputeStory[]> {
  const stories: DisputeStory[] = [];
  for (let id = known + 1n; id <= (await getDisputeCount(chain)); id++) {
    const dispute = await getDispute(chain, id);
    if (dispute.phase !== "ended") continue;
    const moves = await readDisputeMoves(chain, id);
    const refutation = moves.find((move) => move.kind === "refute");
    const finding = watcher.log.findLast((line) => String(line["jobId"]) === dispute.jobId.toString() && String(line.message).startsWith("fraud found")) ?? {};
    stories.push({
      id: id.toString(),
      jobId: dispute.jobId.toString(),
      path: pathOf(dispute),
      winner: dispute.outcome === "challengerWon" ? "challenger" : dispute.outcome === "defenderWon" ? "defender" : "none",
      step: refutation?.kind === "refute" ? refutation.stepIndex : -1,
      element: refutation?.kind === "refute" ? refutation.element : -1,
      rounds: moves.filter(({ kind }) => kind === "reveal").length,
      gas: (await gasOf(chain, moves)).toString(),
      refutationGas: (await gasOf(chain, refutation === undefined ? [] : [refutation])).toString(),
      claimed: String(finding["claimed"]),
      exact: typeof finding["exact"] === "string" ? finding["exact"] : null,
      bound: typeof finding["bound"] === "string" ? finding["bound"] : null,
      soundFrom: String(finding["soundFrom"]),
      soundTo: String(finding["soundTo"]),
    });
  }
  return stories;
}

async function gasOf(chain: Chain, moves: readonly DisputeMove[]): Promise<bigint> {
  const hashes = new Set(moves.map(({ transactionHash }) => transactionHash));
  let gas = 0n;
  for (const hash of hashes) gas += (await chain.client.getTransactionReceipt({ hash })).gasUsed;
  return gas;
}
