/**
 * Disputes by demand, as docs/protocol.md §6 tells them; it shares no code with the contracts, whose earlier version its author had seen. Two
 * challengers, one commitment that stands and whose window does not matter. Pure; times in seconds, money in wei.
 */

export type DemandPlayer = "executor" | "challenger" | "rival" | "stranger";

export interface DemandTerms {
  demandBond: number;
  maxDemands: number;
  clock: number;
  /** Seconds from a demand to an answer that convicts, at least. */
  sealAge: number;
  collateral: number;
  rewardCap: number;
}

export interface DemandGame {
  challenger: "challenger" | "rival";
  phase: "answer" | "demand" | "ended";
  outcome: "none" | "challengerWon" | "defenderWon" | "void";
  turn: number;
  turnStart: number;
  challengerClock: number;
  defenderClock: number;
  demands: number;
  /** Whether the element that was demanded last is a fraud. */
  fraud: boolean;
}

export interface DemandState {
  now: number;
  /** Whether no dispute has convicted yet. */
  stands: boolean;
  games: DemandGame[];
  /** What each has gained and can collect. */
  credits: Record<DemandPlayer | "requester", number>;
  slashed: boolean;
  burnt: number;
}

export type DemandMove =
  | { kind: "demand"; by: "challenger" | "rival"; fraud: boolean }
  | { kind: "answer"; by: DemandPlayer; game: number; turn: number; asked: boolean }
  | { kind: "demandNext"; by: DemandPlayer; game: number; turn: number; fraud: boolean; pays: boolean }
  | { kind: "concede" | "timeout" | "close"; by: DemandPlayer; game: number }
  | { kind: "wait"; until: number };

export function newDemands(): DemandState {
  return { now: 0, stands: true, games: [], credits: { executor: 0, challenger: 0, rival: 0, stranger: 0, requester: 0 }, slashed: false, burnt: 0 };
}

/** "Each side has one clock for the whole dispute": the last second of whoever is to move. */
export function lastSecondOf({ phase, turnStart, challengerClock, defenderClock }: DemandGame): number {
  return turnStart + (phase === "answer" ? defenderClock : challengerClock);
}

/** The state after the move, made one second after the last one; undefined where the rules refuse it. */
export function playDemand(terms: DemandTerms, before: DemandState, move: DemandMove): DemandState | undefined {
  const state = structuredClone(before);
  if (move.kind === "wait") return { ...state, now: move.until - 1 };
  state.now++;
  if (move.kind === "demand") {
    if (!state.stands) return undefined;
    state.games.push({ challenger: move.by, phase: "answer", outcome: "none", turn: 0, turnStart: state.now, challengerClock: terms.clock, defenderClock: terms.clock, demands: 1, fraud: move.fraud });
    return state;
  }
  const game = state.games[move.game];
  if (game === undefined || game.phase === "ended") return undefined;
  if (move.kind === "close") {
    if (state.stands) return undefined;
    end(state, game, "void", terms);
    return state;
  }
  if (!state.stands) return undefined;
  const inTime = state.now <= lastSecondOf(game);
  switch (move.kind) {
    case "timeout":
      if (inTime) return undefined;
      end(state, game, game.phase === "answer" ? "challengerWon" : "defenderWon", terms);
      return state;
    case "concede":
      // "in which it is to move"
      if (game.phase !== "demand" || move.by !== game.challenger) return undefined;
      end(state, game, "defenderWon", terms);
      return state;
    case "answer":
      if (!inTime || game.phase !== "answer" || move.turn !== game.turn || !move.asked) return undefined;
      if (game.fraud) {
        if (state.now < game.turnStart + terms.sealAge) return undefined;
        end(state, game, "challengerWon", terms);
        return state;
      }
      game.defenderClock -= state.now - game.turnStart;
      break;
    case "demandNext":
      if (!inTime || game.phase !== "demand" || move.turn !== game.turn || move.by !== game.challenger || !move.pays || game.demands >= terms.maxDemands) return undefined;
      game.challengerClock -= state.now - game.turnStart;
      game.demands++;
      game.fraud = move.fraud;
      break;
  }
  Object.assign(game, { phase: move.kind === "answer" ? "demand" : "answer", turn: game.turn + 1, turnStart: state.now });
  return state;
}

function end(state: DemandState, game: DemandGame, outcome: DemandGame["outcome"], terms: DemandTerms): void {
  Object.assign(game, { phase: "ended", outcome });
  state.credits[outcome === "defenderWon" ? "executor" : game.challenger] += game.demands * terms.demandBond;
  if (outcome !== "challengerWon") return;
  const reward = Math.min(Math.floor(terms.collateral / 2), terms.rewardCap);
  const compensation = Math.floor(terms.collateral / 5);
  state.credits[game.challenger] += reward;
  state.credits.requester += compensation;
  state.burnt += terms.collateral - reward - compensation;
  Object.assign(state, { stands: false, slashed: true });
}

/** Everything worth trying in a state: right and wrong, by whoever may and by somebody who may not, on either side of every border in time. */
export function demandMoves(terms: DemandTerms, state: DemandState): DemandMove[] {
  const moves: DemandMove[] = [];
  if (state.games.length < 2) moves.push({ kind: "demand", by: "challenger", fraud: true }, { kind: "demand", by: "rival", fraud: false });
  const borders = new Set<number>();
  state.games.forEach((game, index) => {
    const { turn, phase } = game;
    const other = game.challenger === "rival" ? ("challenger" as const) : ("rival" as const);
    moves.push({ kind: "timeout", by: "stranger", game: index }, { kind: "close", by: "stranger", game: index });
    if (phase === "ended") return;
    moves.push({ kind: "concede", by: game.challenger, game: index }, { kind: "concede", by: other, game: index });
    moves.push({ kind: "answer", by: "stranger", game: index, turn, asked: true }, { kind: "answer", by: "executor", game: index, turn, asked: false }, { kind: "answer", by: "executor", game: index, turn: turn + 1, asked: true });
    moves.push({ kind: "demandNext", by: game.challenger, game: index, turn, fraud: true, pays: true }, { kind: "demandNext", by: game.challenger, game: index, turn, fraud: false, pays: true });
    moves.push({ kind: "demandNext", by: other, game: index, turn, fraud: false, pays: true }, { kind: "demandNext", by: game.challenger, game: index, turn, fraud: false, pays: false });
    const last = lastSecondOf(game);
    borders.add(last).add(last + 1);
    if (phase === "answer") borders.add(game.turnStart + terms.sealAge - 1).add(game.turnStart + terms.sealAge);
  });
  for (const until of borders) if (until > state.now + 1) moves.push({ kind: "wait", until });
  return moves;
}
