import type { OpeningCall } from "./calls.ts";
import { ask } from "./demands.ts";
import { needInside, placeAtRoot } from "./descent.ts";
import { need } from "./refuse.ts";
import type { Dispute, Phase, Setting, State } from "./state.ts";

/** Opens a dispute: with a seal, as a bisection, at a block, or with a demand. It needs a standing, unfolded commitment in its window. */
export function playOpening(state: State, setting: Setting, call: OpeningCall): void {
  const asked = call.move === "demand" ? setting.demandBond : setting.bond;
  need(call.payment === 0n, "WrongBond");
  const { job } = state;
  need(job.status === "committed" && job.commitment === call.commitment, "NotStanding");
  need(job.unfolded, "NotUnfolded");
  need(state.now <= job.deadline, "DeadlinePassed");
  const dispute: Dispute = {
    challenger: call.by, attempt: job.attempt, commitment: call.commitment, phase: firstPhase(call), outcome: "none", turn: 0, turnStart: state.now,
    clocks: { challenger: setting.clock, defender: setting.clock }, bond: asked, seal: null, sealedAt: null, place: null,
    block: null, innerRoot: null, asked: null, demands: 0,
  };
  if (call.move === "open") {
    dispute.seal = call.seal;
    if (call.seal !== null) dispute.sealedAt = state.now;
    else dispute.place = placeAtRoot("trace", setting.program.trace.length);
  } else if (call.move === "openBlock") {
    need(call.proof === "right", "BlockNotInProgram");
    needInside(setting.program, call.block);
    dispute.block = call.block;
  } else {
    dispute.phase = ask(setting, dispute, call);
  }
  state.disputes.push(dispute);
}

function firstPhase(call: OpeningCall): Phase {
  if (call.move === "openBlock") return "expand";
  return call.move === "open" && call.seal !== null ? "sealed" : "reveal";
}
