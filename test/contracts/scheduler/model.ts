/**
 * A job and the disputes about it as docs/protocol.md §6 and docs/contracts.md tell them. It shares no code with the contracts,
 * but its author knew them, so a misreading of the documents could be in both. Pure; times in seconds, money in wei.
 */

export type Player = "requester" | "executor" | "second" | "challenger" | "rival" | "stranger";
export type Status = "open" | "claimed" | "committed" | "final" | "cancelled";
export type Phase = "sealed" | "reveal" | "choose" | "revealChunk" | "refute" | "expand" | "expanded" | "answer" | "demand" | "ended";
export type Outcome = "none" | "challengerWon" | "defenderWon" | "void";

export interface Terms {
  fee: number;
  collateral: number;
  claimWindow: number;
  deliveryWindow: number;
  challengeWindow: number;
  /** Last second for a claim, relative to the start; 0 is the end of `lifetime`. */
  expiry: number;
  lifetime: number;
  bond: number;
  clock: number;
  extension: number;
  /** Seconds from a seal to its refutation, at least. */
  sealAge: number;
  rewardCap: number;
  /** Chunks of each tensor of the trace, of at most 16 tensors with at most 16 chunks each, so that one reveal descends a tree. */
  chunks: number[];
  /** Chunks of each tensor inside of the block that computes the last tensor of the trace. */
  inner: number[];
  maxDemands: number;
  /** Whether the judge finds a fraud in what is committed. */
  cheats: boolean;
  maxDisputes: number;
}

export interface Account {
  free: number;
  locked: number;
  credits: number;
}

export interface ModelDispute {
  challenger: Player;
  attempt: number;
  phase: Phase;
  outcome: Outcome;
  turn: number;
  turnStart: number;
  challengerClock: number;
  defenderClock: number;
  /** Whether the tensor, or the list that is being descended, is of the inside of the block. */
  inner: boolean;
  /** Whether the block has been expanded. */
  expanded: boolean;
  /** Questions asked; `fraud` is then whether the last one is about a fraud. */
  demands: number;
  /** The tensor whose tree is being descended, or -1 in the list's own. */
  tensor: number;
  chunk: number;
  /** When the refutation was sealed, at the opening or later; -1 if it was not. */
  sealedAt: number;
  /** Whether the sealed witness is of a fraud. */
  fraud: boolean;
}

export interface State {
  now: number;
  status: Status;
  attempt: number;
  deadline: number;
  worker: Player | undefined;
  /** Who was convicted or missed a delivery, and cannot claim again. */
  barred: Player[];
  missed: number;
  disputes: ModelDispute[];
  accounts: Record<Player, Account>;
  burnt: number;
}

type Each<Kind, Rest> = Kind extends string ? { kind: Kind; by: Player } & Rest : never;

export type JobMove = Each<"claim" | "commit" | "finalize" | "expire" | "cancel", unknown>;
export type DisputeMove =
  | Each<"openSealed", { fraud: boolean; attempt: number }>
  | Each<"openBisection" | "openBlock", { attempt: number }>
  | Each<"demand", { attempt: number; fraud: boolean; inside: boolean }>
  | Each<"demandNext", { dispute: number; turn: number; fraud: boolean; inside: boolean }>
  | Each<"answer" | "expand" | "descend" | "border" | "chooseBlock", { dispute: number; turn: number }>
  | Each<"refute", { dispute: number; fraud: boolean }>
  | Each<"seal", { dispute: number; turn: number; fraud: boolean }>
  | Each<"reveal" | "revealChunk", { dispute: number; turn: number; right: boolean }>
  | Each<"choose", { dispute: number; turn: number; index: number }>
  | Each<"timeout" | "close" | "concede", { dispute: number }>;
/** A call, or that time passes so that the next call happens in second `until`. */
export type Move = JobMove | DisputeMove | { kind: "wait"; until: number };

export function initialState(terms: Terms, stakes: Partial<Record<Player, number>>): State {
  const account = (player: Player): Account => ({ free: stakes[player] ?? 0, locked: 0, credits: 0 });
  return {
    now: 0,
    status: "open",
    attempt: 1,
    deadline: openUntil(terms, 0),
    worker: undefined,
    barred: [],
    missed: 0,
    disputes: [],
    accounts: { requester: account("requester"), executor: account("executor"), second: account("second"), challenger: account("challenger"), rival: account("rival"), stranger: account("stranger") },
    burnt: 0,
  };
}

/** The side whose clock runs. */
export function defenderMoves(dispute: ModelDispute): boolean {
  return ["reveal", "revealChunk", "expand", "answer"].includes(dispute.phase);
}

/** What the challenger has put up. */
export function bondOf(terms: Terms, dispute: ModelDispute): number {
  return terms.bond * Math.max(1, dispute.demands);
}

export function lastSecond(dispute: ModelDispute): number {
  return dispute.turnStart + (defenderMoves(dispute) ? dispute.defenderClock : dispute.challengerClock);
}

export function stands(state: State, dispute: ModelDispute): boolean {
  return state.status === "committed" && state.attempt === dispute.attempt;
}

/** The state after the move is made one second later than the last one, or undefined if the rules refuse it. */
export function play(terms: Terms, before: State, move: Move): State | undefined {
  const state = structuredClone(before);
  if (move.kind === "wait") {
    state.now = move.until - 1;
    return state;
  }
  state.now++;
  const allowed = "dispute" in move || "attempt" in move ? playDispute(terms, state, move) : playJob(terms, state, move);
  return allowed ? state : undefined;
}

function playJob(terms: Terms, state: State, { kind, by }: JobMove): boolean {
  const inTime = state.now <= state.deadline;
  const account = state.accounts[by];
  switch (kind) {
    case "claim":
      if (state.status !== "open" || !inTime || state.barred.includes(by) || account.free < terms.collateral) return false;
      account.free -= terms.collateral;
      account.locked += terms.collateral;
      Object.assign(state, { status: "claimed", worker: by, deadline: state.now + terms.deliveryWindow });
      return true;
    case "commit":
      if (state.status !== "claimed" || !inTime || state.worker !== by) return false;
      Object.assign(state, { status: "committed", deadline: state.now + terms.challengeWindow });
      return true;
    case "finalize": {
      if (state.status !== "committed" || inTime || state.disputes.some((dispute) => dispute.phase !== "ended" && stands(state, dispute))) return false;
      const worker = release(terms, state, terms.collateral);
      worker.credits += terms.fee;
      state.status = "final";
      return true;
    }
    case "expire": {
      if (state.status !== "claimed" || inTime) return false;
      const percent = [5, 10, 20][state.missed] ?? 40;
      const penalty = Math.floor((terms.collateral * percent) / 100);
      state.barred.push(state.worker as Player);
      state.missed++;
      release(terms, state, terms.collateral - penalty);
      state.accounts.requester.credits += penalty;
      reopen(terms, state);
      return true;
    }
    default:
      if (state.status !== "open" || (inTime && by !== "requester")) return false;
      state.accounts.requester.credits += terms.fee;
      state.status = "cancelled";
      return true;
  }
}

function playDispute(terms: Terms, state: State, move: DisputeMove): boolean {
  if (move.kind === "openSealed" || move.kind === "openBisection" || move.kind === "openBlock" || move.kind === "demand") {
    if (state.status !== "committed" || state.attempt !== move.attempt || state.now > state.deadline) return false;
    const sealed = move.kind === "openSealed";
    const asks = move.kind === "demand";
    const phase = sealed ? "sealed" : move.kind === "openBisection" ? "reveal" : asks && !move.inside ? "answer" : "expand";
    state.disputes.push({ challenger: move.by, attempt: move.attempt, phase, outcome: "none", turn: 0, turnStart: state.now, challengerClock: terms.clock, defenderClock: terms.clock, inner: false, expanded: false, demands: asks ? 1 : 0, tensor: -1, chunk: 0, sealedAt: sealed ? state.now : -1, fraud: (sealed || asks) && move.fraud });
    return true;
  }
  const dispute = state.disputes[move.dispute];
  if (dispute === undefined || dispute.phase === "ended") return false;
  if (move.kind === "close") {
    if (stands(state, dispute)) return false;
    Object.assign(dispute, { phase: "ended", outcome: "void" });
    state.accounts[dispute.challenger].credits += bondOf(terms, dispute);
    return true;
  }
  // A move that changes the position alone is not refused where the commitment is gone; nothing follows from it.
  const isPosition = move.kind === "reveal" || move.kind === "revealChunk" || move.kind === "seal" || move.kind === "descend" || (move.kind === "choose" && dispute.tensor !== -1);
  if (!isPosition && !stands(state, dispute)) return false;
  const inTime = state.now <= lastSecond(dispute);
  if (move.kind === "timeout") {
    if (inTime) return false;
    return defenderMoves(dispute) ? convict(terms, state, dispute) : acquit(terms, state, dispute);
  }
  // Giving up is possible as long as nobody has ended the dispute by the clock.
  if (move.kind === "concede") return move.by === dispute.challenger && !defenderMoves(dispute) && acquit(terms, state, dispute);
  if (!inTime) return false;
  switch (move.kind) {
    case "refute":
      if (move.by !== dispute.challenger || !["sealed", "refute", "expanded"].includes(dispute.phase)) return false;
      if (dispute.sealedAt === -1 || state.now < dispute.sealedAt + terms.sealAge || !dispute.fraud || !move.fraud) return false;
      return convict(terms, state, dispute);
    case "seal":
      if (move.turn !== dispute.turn || (dispute.phase !== "refute" && dispute.phase !== "expanded") || move.by !== dispute.challenger) return false;
      Object.assign(dispute, { sealedAt: state.now, fraud: move.fraud });
      countTurn(state, dispute);
      return true;
    case "reveal":
    case "revealChunk":
      if (move.turn !== dispute.turn || dispute.phase !== move.kind || !move.right) return false;
      endTurn(terms, state, dispute, move.kind === "reveal" ? "choose" : "refute");
      return true;
    case "expand":
      if (move.turn !== dispute.turn || dispute.phase !== "expand" || move.by !== state.worker) return false;
      dispute.expanded = true;
      endTurn(terms, state, dispute, dispute.demands > 0 ? "answer" : "expanded");
      return true;
    case "answer":
      if (move.turn !== dispute.turn || dispute.phase !== "answer") return false;
      if (dispute.fraud) return state.now >= dispute.turnStart + terms.sealAge && convict(terms, state, dispute);
      endTurn(terms, state, dispute, "demand");
      return true;
    case "demandNext":
      if (move.turn !== dispute.turn || dispute.phase !== "demand" || move.by !== dispute.challenger || dispute.demands === terms.maxDemands) return false;
      Object.assign(dispute, { demands: dispute.demands + 1, fraud: move.fraud });
      endTurn(terms, state, dispute, move.inside && !dispute.expanded ? "expand" : "answer");
      return true;
    case "descend":
      if (move.turn !== dispute.turn || dispute.phase !== "expanded" || move.by !== dispute.challenger) return false;
      Object.assign(dispute, { inner: true, sealedAt: -1 });
      endTurn(terms, state, dispute, "reveal");
      return true;
    case "border": {
      const inList = dispute.phase === "choose" && dispute.inner && dispute.tensor === -1;
      if (move.turn !== dispute.turn || (dispute.phase !== "expanded" && !inList) || move.by !== dispute.challenger) return false;
      Object.assign(dispute, { inner: false, tensor: terms.chunks.length - 1, sealedAt: -1 });
      endTurn(terms, state, dispute, "reveal");
      return true;
    }
    case "chooseBlock":
      if (move.turn !== dispute.turn || dispute.phase !== "choose" || move.by !== dispute.challenger || dispute.inner || dispute.tensor !== -1) return false;
      endTurn(terms, state, dispute, "expand");
      return true;
    default: {
      if (move.turn !== dispute.turn || dispute.phase !== "choose" || move.by !== dispute.challenger) return false;
      const list = dispute.inner ? terms.inner : terms.chunks;
      if (dispute.tensor === -1) {
        if (move.index >= list.length) return false;
        dispute.tensor = move.index;
        endTurn(terms, state, dispute, "reveal");
      } else {
        if (move.index >= (list[dispute.tensor] as number)) return false;
        dispute.chunk = move.index;
        endTurn(terms, state, dispute, "revealChunk");
      }
      return true;
    }
  }
}

function acquit(terms: Terms, state: State, dispute: ModelDispute): boolean {
  Object.assign(dispute, { phase: "ended", outcome: "defenderWon" });
  state.accounts[state.worker as Player].credits += bondOf(terms, dispute);
  return true;
}

function endTurn(terms: Terms, state: State, dispute: ModelDispute, next: Phase): void {
  countTurn(state, dispute);
  if (next === "revealChunk") dispute.defenderClock = Math.max(dispute.defenderClock, terms.extension);
  if (next === "refute" || next === "expanded") dispute.challengerClock = Math.max(dispute.challengerClock, terms.extension);
  dispute.phase = next;
}

function countTurn(state: State, dispute: ModelDispute): void {
  const used = state.now - dispute.turnStart;
  if (defenderMoves(dispute)) dispute.defenderClock -= used;
  else dispute.challengerClock -= used;
  Object.assign(dispute, { turn: dispute.turn + 1, turnStart: state.now });
}

function convict(terms: Terms, state: State, dispute: ModelDispute): boolean {
  const worker = state.worker as Player;
  const reward = Math.min(Math.floor(terms.collateral / 2), terms.rewardCap);
  const compensation = Math.floor(terms.collateral / 5);
  Object.assign(dispute, { phase: "ended", outcome: "challengerWon" });
  state.accounts[worker].locked -= terms.collateral;
  state.accounts[dispute.challenger].credits += reward + bondOf(terms, dispute);
  state.accounts.requester.credits += compensation;
  state.burnt += terms.collateral - reward - compensation;
  state.barred.push(worker);
  state.attempt++;
  reopen(terms, state);
  return true;
}

function release(terms: Terms, state: State, free: number): Account {
  const account = state.accounts[state.worker as Player];
  account.locked -= terms.collateral;
  account.free += free;
  return account;
}

function reopen(terms: Terms, state: State): void {
  Object.assign(state, { status: "open", worker: undefined, deadline: openUntil(terms, state.now) });
}

function openUntil(terms: Terms, now: number): number {
  const end = now + terms.claimWindow;
  return Math.min(end, terms.expiry === 0 ? terms.lifetime : terms.expiry);
}
