import type { BatchCall, Call, DisputeCall, JobCall, OpeningCall, Party, Payment, StakeCall } from "./rules/calls.ts";
import { deadlineOf } from "./rules/clocks.ts";
import type { Dispute, Setting, State } from "./rules/state.ts";

const maxDisputes = 2;
const rightPayment: Payment = 0n;

/** Everything worth trying in a state: each kind of call by whoever may make it and by somebody who may not, right and wrong. */
export function callsIn(setting: Setting, state: State): Call[] {
  const calls: Call[] = [...stakeCalls(setting, state), ...jobCalls(setting, state), ...batches(state), ...openingCalls(state)];
  state.disputes.forEach((dispute, index) => calls.push(...disputeCalls(setting, state, dispute, index)));
  return calls;
}

/** The seconds on both sides of every limit in time that the state has. */
export function secondsIn(setting: Setting, state: State): number[] {
  const seconds = new Set<number>();
  const { job } = state;
  if (["open", "claimed", "committed"].includes(job.status)) seconds.add(job.deadline).add(job.deadline + 1);
  for (const dispute of state.disputes) {
    if (dispute.phase === "ended") continue;
    seconds.add(deadlineOf(dispute)).add(deadlineOf(dispute) + 1);
    const since = dispute.phase === "answer" ? dispute.turnStart : dispute.sealedAt;
    if (since !== null) seconds.add(since + setting.sealAge - 1).add(since + setting.sealAge);
  }
  for (const account of Object.values(state.accounts)) if (account.pending > 0n) seconds.add(account.availableAt - 1).add(account.availableAt);
  return [...seconds];
}

/** Moves of stake matter where they meet a claim: beside disputes they would only multiply what each shows alone. */
function stakeCalls(setting: Setting, state: State): StakeCall[] {
  const calls: StakeCall[] = [{ move: "collect", by: "requester" }];
  if (state.disputes.length > 0) return calls;
  calls.push({ move: "requestWithdrawal", by: "executor", amount: setting.collateral }, { move: "requestWithdrawal", by: "executor", amount: 9n }, { move: "withdraw", by: "executor" });
  calls.push({ move: "deposit", by: "challenger", amount: setting.collateral, payment: rightPayment }, { move: "deposit", by: "challenger", amount: setting.collateral, payment: 1n });
  return calls;
}

function jobCalls(setting: Setting, state: State): JobCall[] {
  const { job } = state;
  if (job.status === "none") return [{ move: "submit", by: "requester", payment: rightPayment }, { move: "submit", by: "requester", payment: -1n }];
  const calls: JobCall[] = [];
  for (const by of ["executor", "second"] as const) calls.push({ move: "claim", by, record: "right" }, { move: "commit", by, record: "right", commitment: "a" });
  if (state.accounts.challenger.free >= setting.collateral) calls.push({ move: "claim", by: "challenger", record: "right" });
  calls.push({ move: "claim", by: "stranger", record: "right" }, { move: "commit", by: "executor", record: "right", commitment: "b" });
  for (const move of ["expire", "cancel", "unfold", "finalize", "deliver"] as const) calls.push({ move, by: "stranger", record: "right" });
  calls.push({ move: "cancel", by: "requester", record: "right" });
  // The record is asked for where the call would otherwise be right.
  if (job.status === "open") calls.push({ move: "claim", by: "executor", record: "wrong" }, { move: "cancel", by: "requester", record: "wrong" });
  if (job.status === "claimed") calls.push({ move: "commit", by: job.executor ?? "executor", record: "wrong", commitment: "a" }, { move: "expire", by: "stranger", record: "wrong" });
  if (job.status === "committed") calls.push({ move: "finalize", by: "stranger", record: "wrong" }, { move: "unfold", by: "stranger", record: "wrong" });
  return calls;
}

/** Of these one call depends on the other, in the same block. */
function batches({ job, disputes }: State): BatchCall[] {
  if (job.status === "none" || disputes.length > 0) return [];
  const right = { by: "second", record: "right" } as const;
  const commit: JobCall = { move: "commit", ...right, commitment: "a" };
  return [
    { move: "batch", by: "second", calls: [{ move: "claim", ...right }, commit, { move: "unfold", ...right }] },
    { move: "batch", by: "second", calls: [{ move: "expire", ...right }, { move: "claim", ...right }, commit] },
  ];
}

function openingCalls(state: State): OpeningCall[] {
  if (state.disputes.filter(({ phase }) => phase !== "ended").length >= maxDisputes) return [];
  const commitment = state.job.commitment ?? "a";
  const [other, payment] = [commitment === "a" ? "b" : "a", rightPayment];
  const seal = (by: Party, element: number) => ({ by, witness: { step: 0, element } });
  const calls: OpeningCall[] = [
    { move: "open", by: "challenger", commitment, payment, seal: seal("challenger", 1) },
    { move: "open", by: "rival", commitment, payment, seal: null },
    { move: "open", by: "challenger", commitment: other, payment, seal: seal("challenger", 1) },
    { move: "open", by: "rival", commitment, payment: 1n, seal: null },
  ];
  // Beside another dispute these would only multiply what each of them shows alone.
  if (state.disputes.length > 0) return calls;
  calls.push({ move: "open", by: "executor", commitment, payment, seal: seal("executor", 1) }, { move: "open", by: "challenger", commitment, payment: -1n, seal: seal("challenger", 1) });
  calls.push({ move: "openBlock", by: "challenger", commitment, payment, block: 1, proof: "right" }, { move: "openBlock", by: "challenger", commitment, payment, block: 1, proof: "wrong" });
  calls.push({ move: "openBlock", by: "challenger", commitment, payment, block: 0, proof: "right" }, { move: "openBlock", by: "challenger", commitment: other, payment, block: 1, proof: "right" });
  calls.push({ move: "openBlock", by: "challenger", commitment, payment: 1n, block: 1, proof: "right" });
  calls.push({ move: "demand", by: "rival", commitment, payment, step: 0, element: 5, block: null }, { move: "demand", by: "rival", commitment, payment, step: 1, element: 1, block: 1 });
  calls.push({ move: "demand", by: "rival", commitment, payment, step: 2, element: 5, block: null }, { move: "demand", by: "rival", commitment, payment, step: 0, element: 99_999, block: null });
  calls.push({ move: "demand", by: "rival", commitment, payment, step: 7, element: 5, block: null }, { move: "demand", by: "rival", commitment: other, payment, step: 0, element: 5, block: null });
  calls.push({ move: "demand", by: "rival", commitment, payment: -1n, step: 0, element: 5, block: null });
  return calls;
}

/** The calls of one dispute; what belongs to another phase is tried once a kind. */
function disputeCalls(setting: Setting, state: State, dispute: Dispute, index: number): DisputeCall[] {
  const { challenger, turn, phase, place } = dispute;
  const other: Party = challenger === "rival" ? "challenger" : "rival";
  const worker: Party = state.job.executor ?? "executor";
  const own = { dispute: index, turn };
  const commitment = state.job.commitment ?? "a";
  const another = commitment === "a" ? "b" : "a";
  const seal = (by: Party, element: number) => ({ by, witness: { step: 0, element } });
  const calls: DisputeCall[] = [{ move: "timeout", by: "stranger", dispute: index }, { move: "close", by: "stranger", dispute: index }];
  calls.push({ move: "concede", by: challenger, ...own, commitment }, { move: "refute", by: challenger, dispute: index, witness: { step: 0, element: 1 } });
  if (phase === "ended") return [...calls, { move: "reveal", by: "stranger", ...own, children: "right" }];
  calls.push({ move: "concede", by: other, ...own, commitment }, { move: "concede", by: challenger, dispute: index, turn: turn + 1, commitment }, { move: "concede", by: challenger, ...own, commitment: another });
  if (turn > 0) calls.push({ move: "concede", by: challenger, dispute: index, turn: turn - 1, commitment });
  calls.push({ move: "seal", by: challenger, ...own, seal: seal(challenger, 1) });
  if (phase === "sealed" || phase === "refute" || phase === "expanded") {
    calls.push({ move: "refute", by: other, dispute: index, witness: { step: 0, element: 1 } }, { move: "refute", by: challenger, dispute: index, witness: { step: 1, element: 1 } });
    calls.push({ move: "refute", by: challenger, dispute: index, witness: { step: 0, element: 5 } });
    calls.push({ move: "seal", by: other, ...own, seal: seal(other, 1) }, { move: "seal", by: challenger, ...own, seal: seal(challenger, 5) }, { move: "seal", by: challenger, ...own, seal: seal(other, 1) });
    calls.push({ move: "seal", by: challenger, ...own, seal: null }, { move: "seal", by: challenger, dispute: index, turn: turn + 1, seal: seal(challenger, 1) });
    if (turn > 0) calls.push({ move: "seal", by: challenger, dispute: index, turn: turn - 1, seal: seal(challenger, 1) });
  }
  if (phase === "expand") {
    const expand = { move: "expand", ...own, commitment, block: dispute.block ?? 0 } as const;
    calls.push({ ...expand, by: worker, root: "a" }, { ...expand, by: worker, root: "b" }, { ...expand, by: worker, root: null });
    calls.push({ ...expand, by: challenger, root: "a" }, { ...expand, by: worker, root: "a", turn: turn + 1 }, { ...expand, by: worker, root: "a", commitment: another }, { ...expand, by: worker, root: "a", block: 0 });
    // Two faults at once: the documents say which of them is told.
    calls.push({ ...expand, by: challenger, root: "a", commitment: another }, { ...expand, by: challenger, root: "a", block: 0 }, { ...expand, by: worker, root: null, block: 0 });
  }
  // A question out of turn about another commitment: two faults again.
  if (phase === "answer" || phase === "expand") calls.push({ move: "demandNext", by: challenger, ...own, commitment: another, payment: rightPayment, step: 0, element: 5, block: null });
  if (phase === "answer") {
    const { step, element } = dispute.asked ?? { step: 0, element: 0 };
    calls.push({ move: "answer", by: "stranger", ...own, witness: { step, element } }, { move: "answer", by: worker, dispute: index, turn: turn + 1, witness: { step, element } });
    calls.push({ move: "answer", by: worker, ...own, witness: { step, element: element + 4 } }, { move: "answer", by: worker, ...own, witness: { step: step === 0 ? 1 : 0, element } });
  }
  if (phase === "demand") {
    const next = { move: "demandNext", by: challenger, ...own, commitment, payment: rightPayment } as const;
    calls.push({ ...next, step: 0, element: 1, block: null }, { ...next, step: 1, element: 5, block: 1 }, { ...next, step: 2, element: 5, block: null }, { ...next, step: 3, element: 5, block: 2 });
    calls.push({ ...next, by: other, step: 0, element: 5, block: null }, { ...next, step: 0, element: 5, block: null, turn: turn + 1 }, { ...next, step: 0, element: 5, block: null, payment: -1n });
    calls.push({ ...next, step: 0, element: 5, block: null, commitment: another }, { ...next, by: other, step: 0, element: 5, block: null, commitment: another }, { ...next, by: other, step: 0, element: 5, block: null, payment: 1n }, { ...next, step: 0, element: 99_999, block: null });
  }
  if (phase === "reveal") for (const children of ["right", "changed", "missing"] as const) calls.push({ move: "reveal", by: children === "right" ? "stranger" : worker, ...own, children });
  if (phase === "revealChunk") for (const data of ["right", "changed", "short"] as const) calls.push({ move: "revealChunk", by: data === "right" ? "stranger" : worker, ...own, data });
  if (phase === "reveal" || phase === "revealChunk") calls.push({ move: "reveal", by: "stranger", dispute: index, turn: turn + 1, children: "right" }, { move: phase === "reveal" ? "revealChunk" : "reveal", by: "stranger", ...own, data: "right", children: "right" });
  if (phase === "expanded" || phase === "choose") {
    for (const by of [challenger, other]) calls.push({ move: "descend", by, ...own }, { move: "chooseBorder", by, ...own, step: 2, proof: "right" });
    for (const step of [0, 1]) calls.push({ move: "chooseBorder", by: challenger, ...own, step, proof: "right" });
    calls.push({ move: "chooseBorder", by: challenger, ...own, step: 2, proof: "wrong" });
  }
  if (phase === "choose" && place !== null) calls.push(...choices(setting, dispute, index, other));
  return calls;
}

/** Choices of the current node's descendants: the first, the last that holds something, the first that holds padding, one that is none. */
function choices(setting: Setting, { challenger, turn, place }: Dispute, dispute: number, other: Party): DisputeCall[] {
  if (place === null) return [];
  const down = Math.min(4, place.levels);
  const held = Math.ceil((place.leaves - place.first) / 2 ** (place.levels - down));
  const indices = new Set([0, Math.min(held, 2 ** down) - 1, held, 2 ** down].filter((index) => index <= 2 ** down));
  const choice = { by: challenger, dispute, turn, proof: "right" } as const;
  const calls: DisputeCall[] = [];
  for (const index of indices) {
    calls.push({ move: "choose", ...choice, index });
    setting.program.steps.forEach((_, step) => calls.push({ move: "chooseTensor", ...choice, index, step }));
    setting.program.blocks.forEach((_, block) => calls.push({ move: "chooseBlock", ...choice, index, block }));
  }
  calls.push({ move: "choose", ...choice, by: other, index: 0 }, { move: "choose", ...choice, turn: turn + 1, index: 0 }, { move: "choose", ...choice, index: 0, proof: "wrong" });
  calls.push({ move: "chooseTensor", ...choice, by: other, index: 0, step: 0 }, { move: "chooseTensor", ...choice, index: 0, step: 0, proof: "wrong" }, { move: "chooseTensor", ...choice, index: 0, step: 7 });
  calls.push({ move: "chooseBlock", ...choice, index: 1, block: 1, proof: "wrong" });
  return calls;
}
