import { Command } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import { readDisputeMoves, type DisputeMove } from "../../../runtime/chain/reads/readDisputeMoves.ts";
import { action } from "../../action.ts";
import { clocksOf, convictionIn, moveText, pathOf, phaseText, winnerOf } from "../../describeDispute.ts";
import { pairs } from "../../output.ts";
import { id, span } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay dispute show ID` */
export function showDisputeCommand(shell: Shell): Command {
  return new Command("show")
    .description("show a dispute: its moves, clocks, the disputed element and the verdict")
    .argument("<id>", "number of the dispute", id)
    .action(
      action(shell, async ({ output, chain, asset }, disputeId: bigint) => {
        const connected = await chain();
        const paidIn = await asset();
        const [dispute, moves, head] = await Promise.all([getDispute(connected, disputeId), readDisputeMoves(connected, disputeId), connected.head()]);
        const clocks = clocksOf(dispute, head.timestamp);
        const conviction = convictionIn(moves);
        const named = moves.findLast((move) => move.kind === "tensor");
        const asked = moves.findLast((move) => move.kind === "demand");
        const step = conviction?.step ?? (named?.kind === "tensor" ? named.stepIndex : asked?.kind === "demand" ? asked.stepIndex : null);
        const rounds = moves.filter(({ kind }) => kind === (dispute.demands > 0 ? "demand" : "choose")).length;
        output.result({ ...dispute, path: pathOf(dispute), winner: winnerOf(dispute), clocks, step, element: conviction?.element ?? null, rounds, conviction: conviction ?? null, moves: moves.map(withoutWitness) }, [
          ...pairs([
            ["dispute", String(disputeId)],
            ["job", `${dispute.jobId}, attempt ${dispute.attempt}`],
            ["state", phaseText(dispute, clocks)],
            ["path", pathOf(dispute)],
            ["challenger", dispute.challenger],
            ["bond", formatAmount(dispute.bond, paidIn)],
            ["clocks", `challenger ${span(clocks.challenger)}, defender ${span(clocks.defender)}`],
            ["step", step === null ? undefined : String(step)],
            ["element", conviction === undefined ? undefined : String(conviction.element)],
            ["claimed", conviction?.claimed],
            ["sound", conviction?.sound],
          ]),
          "",
          ...moves.map((move) => `block ${move.blockNumber}  ${moveText(move)}`),
        ]);
      }),
    );
}

/** An answer without its witness, which has up to hundreds of kilobytes; the transaction has it. */
function withoutWitness(move: DisputeMove): object {
  if (move.kind !== "answer") return move;
  const { witness, ...rest } = move;
  return { ...rest, stepIndex: witness.stepIndex, element: witness.element };
}
