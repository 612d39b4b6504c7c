import type { Call, DisputeCall, JobCall, OpeningCall, StakeCall } from "./calls.ts";
import { playDispute } from "./disputes.ts";
import { playJob } from "./jobs.ts";
import { playOpening } from "./openings.ts";
import { Refused } from "./refuse.ts";
import { playStakes } from "./stakes.ts";
import { copyOf, type Setting, type State } from "./state.ts";

export interface Played {
  state: State;
  /** The contracts' error for a call that the rules refuse; null for one that they accept. */
  refused: string | null;
}

const families: Record<Exclude<Call["move"], "batch">, (state: State, setting: Setting, call: never) => void> = {
  deposit: playStakes, requestWithdrawal: playStakes, withdraw: playStakes, collect: playStakes,
  submit: playJob, claim: playJob, commit: playJob, expire: playJob, cancel: playJob, finalize: playJob, unfold: playJob, deliver: playJob,
  open: playOpening, openBlock: playOpening, demand: playOpening,
  reveal: playDispute, choose: playDispute, chooseTensor: playDispute, chooseBlock: playDispute, chooseBorder: playDispute,
  revealChunk: playDispute, expand: playDispute, descend: playDispute, seal: playDispute, refute: playDispute, answer: playDispute,
  demandNext: playDispute, concede: playDispute, timeout: playDispute, close: playDispute,
};

/**
 * What a call made in the second `now` does, by docs/protocol.md §6 and docs/contracts.md alone. A refused call changes nothing.
 * What the judge says of a witness is part of the call; so is whether a proof holds.
 */
export function play(state: State, setting: Setting, call: Call, now: number): Played {
  if (call.move === "batch") {
    let reached: State = { ...state, now };
    for (const each of call.calls) reached = play(reached, setting, { ...each, by: call.by }, now).state;
    return { state: reached, refused: null };
  }
  const next = { ...copyOf(state), now };
  try {
    (families[call.move] as (state: State, setting: Setting, call: StakeCall | JobCall | OpeningCall | DisputeCall) => void)(next, setting, call);
    return { state: next, refused: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { state: { ...state, now }, refused: error.rule };
  }
}
