import type { DisputeCall, Party, Witness } from "./calls.ts";
import { deadlineOf, moverOf, needTime, pass } from "./clocks.ts";
import { playAnswer, playDemandNext } from "./demands.ts";
import { playChoose, playChooseBlock, playChooseBorder, playChooseTensor, playDescend, playReveal } from "./descent.ts";
import { lose, needStanding, settleVoid, stands, win } from "./ends.ts";
import { executorOf } from "./jobs.ts";
import { need } from "./refuse.ts";
import type { Dispute, Phase, Setting, State } from "./state.ts";

type Turn = Exclude<Extract<DisputeCall, { turn: number }>, { move: "concede" }>;

/** In which phases a move is made. */
const phases: Record<Turn["move"], readonly Phase[]> = {
  reveal: ["reveal"], choose: ["choose"], chooseTensor: ["choose"], chooseBlock: ["choose"], chooseBorder: ["expanded", "choose"],
  revealChunk: ["revealChunk"], expand: ["expand"], descend: ["expanded"], seal: ["expanded", "refute"],
  answer: ["answer"], demandNext: ["demand"],
};

/** These change the position alone, so they do not ask whether the commitment still stands. */
const blind: readonly Turn["move"][] = ["reveal", "choose", "revealChunk", "descend", "seal"];

/** These do, once it is known that the choice is one of what was revealed. */
const leaves: readonly Turn["move"][] = ["chooseTensor", "chooseBlock"];

/** A move in a dispute that has been opened. */
export function playDispute(state: State, setting: Setting, call: DisputeCall): void {
  const dispute = state.disputes[call.dispute];
  need(dispute !== undefined, "UnknownDispute");
  need(dispute.phase !== "ended", "DisputeOver");
  switch (call.move) {
    case "timeout":
      needStanding(state, dispute);
      need(state.now > deadlineOf(dispute), "ClockStillRuns");
      if (moverOf(dispute) === "defender") win(state, setting, dispute);
      else lose(state, dispute);
      return;
    case "close":
      need(!stands(state, dispute), "CommitmentStands");
      settleVoid(state, dispute);
      return;
    case "refute":
      needStanding(state, dispute);
      need(dispute.phase === "sealed" || dispute.phase === "refute" || dispute.phase === "expanded", "WrongPhase");
      needChallenger(dispute, call.by);
      needTime(state, dispute);
      need(dispute.sealedAt !== null, "NotSealed");
      need(state.now >= dispute.sealedAt + setting.sealAge, "TooSoon");
      need(dispute.seal?.by === call.by && sameWitness(dispute.seal.witness, call.witness), "WrongSeal");
      need(setting.falseElements.includes(call.witness.element), "WitnessSound");
      win(state, setting, dispute);
      return;
    case "concede":
      // The outcome is that of the clock, so the clock is not asked.
      needTurn(dispute, call.turn);
      needStanding(state, dispute);
      need(call.commitment === state.job.commitment, "AnotherCommitment");
      needChallenger(dispute, call.by);
      need(moverOf(dispute) === "challenger", "WrongPhase");
      lose(state, dispute);
      return;
    default:
      playTurn(state, setting, dispute, call);
  }
}

function playTurn(state: State, setting: Setting, dispute: Dispute, call: Turn): void {
  needTurn(dispute, call.turn);
  needTime(state, dispute);
  need(phases[call.move].includes(dispute.phase), "WrongPhase");
  if (call.move === "chooseBorder") need(dispute.phase === "expanded" || dispute.place?.tree === "inner", "WrongPhase");
  // What names the commitment is asked about that first.
  if ("commitment" in call) {
    needStanding(state, dispute);
    need(call.commitment === state.job.commitment, "AnotherCommitment");
  }
  if (moverOf(dispute) === "challenger") needChallenger(dispute, call.by);
  if (!blind.includes(call.move) && !leaves.includes(call.move)) needStanding(state, dispute);
  switch (call.move) {
    case "reveal":
      return playReveal(state, setting, dispute, call);
    case "choose":
      return playChoose(state, setting, dispute, call);
    case "chooseTensor":
      return playChooseTensor(state, setting, dispute, call);
    case "chooseBlock":
      return playChooseBlock(state, setting, dispute, call);
    case "chooseBorder":
      return playChooseBorder(state, setting, dispute, call);
    case "descend":
      return playDescend(state, setting, dispute);
    case "revealChunk":
      need(call.data !== "short", "WrongChunkLength");
      need(call.data !== "changed", "WrongChunk");
      return pass(state, setting, dispute, "refute", "challenger");
    case "expand":
      need(call.by === executorOf(state.job), "NotExecutor");
      need(call.block === dispute.block, "AnotherBlock");
      need(call.root !== null, "EmptyRoot");
      dispute.innerRoot = call.root;
      // In a walk of demands the executor goes on with its answer; otherwise the challenger may refute here.
      if (dispute.asked !== null) return pass(state, setting, dispute, "answer");
      return pass(state, setting, dispute, "expanded", "challenger");
    case "seal":
      // A seal stands in the place of the position, and gives no time; a refutation that fits zero is not to be found.
      dispute.seal = call.seal;
      dispute.sealedAt = state.now;
      dispute.place = null;
      return pass(state, setting, dispute, dispute.phase);
    case "answer":
      return playAnswer(state, setting, dispute, call);
    case "demandNext":
      return playDemandNext(state, setting, dispute, call);
  }
}

function needTurn(dispute: Dispute, turn: number): void {
  need(turn >= dispute.turn, "MoveAlreadyMade");
  need(turn <= dispute.turn, "MoveTooEarly");
}

function needChallenger(dispute: Dispute, by: Party): void {
  need(dispute.challenger === by, "NotChallenger");
}

function sameWitness(a: Witness, b: Witness): boolean {
  return a.step === b.step && a.element === b.element;
}
