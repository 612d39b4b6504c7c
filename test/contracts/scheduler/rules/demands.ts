import type { DisputeCall } from "./calls.ts";
import { pass } from "./clocks.ts";
import { needStanding, win } from "./ends.ts";
import { need } from "./refuse.ts";
import type { Dispute, Phase, Setting, State } from "./state.ts";

/**
 * Notes one more demanded element and tells which phase follows: a step that needs the inner trace of its block waits for the
 * expansion, unless this dispute has that block's inner root from an earlier question.
 */
export function ask(setting: Setting, dispute: Dispute, question: { step: number; element: number; block: number | null }): Phase {
  const { program } = setting;
  const step = program.steps[question.step];
  need(step !== undefined, "IndexOutOfTree");
  const shape = step.defines.source === 2 ? program.trace[step.defines.index] : program.blocks[step.block]?.inner[step.defines.index];
  need(shape !== undefined && question.element < shape.elements, "NoSuchElement");
  dispute.asked = { step: question.step, element: question.element };
  dispute.demands += 1;
  if (!step.needsInner || (dispute.innerRoot !== null && dispute.block === step.block)) return "answer";
  need(question.block === step.block, "StepOfAnotherBlock");
  dispute.block = step.block;
  dispute.innerRoot = null;
  return "expand";
}

export function playDemandNext(state: State, setting: Setting, dispute: Dispute, call: DisputeCall & { move: "demandNext" }): void {
  need(call.payment === 0n, "WrongBond");
  need(dispute.demands < setting.maxDemands, "TooManyDemands");
  const phase = ask(setting, dispute, call);
  dispute.bond += setting.demandBond;
  pass(state, setting, dispute, phase);
}

/** Anybody answers, with the witness of exactly what is asked. A sound one may come at once; a fraud has to be as old as a seal. */
export function playAnswer(state: State, setting: Setting, dispute: Dispute, call: DisputeCall & { move: "answer" }): void {
  needStanding(state, dispute);
  const { witness } = call;
  need(dispute.asked?.step === witness.step && dispute.asked.element === witness.element, "NotDemanded");
  if (!setting.falseElements.includes(witness.element)) {
    pass(state, setting, dispute, "demand");
    return;
  }
  // The turn of the answer began with the demand, or with the expansion after it.
  need(state.now >= dispute.turnStart + setting.sealAge, "TooSoon");
  win(state, setting, dispute);
}
