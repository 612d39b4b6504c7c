import { lastSecond, play, type Move, type Player, type State, type Terms } from "./model.ts";

/** A state of the game, the moves tried in it, and where they lead; a leaf of the search has none. */
export interface Node {
  state: State;
  edges: Edge[];
}

export interface Edge {
  move: Move;
  /** The model's state after the move; undefined where the rules refuse it. */
  after: State | undefined;
  /** The node after the move if this edge was the first to reach it. */
  child: Node | undefined;
}

/** Breadth-first over all interleavings of moves, timeouts and disputes, each distinct state once, down to `depth` moves. */
export function explore(terms: Terms, start: State, depth: number): { root: Node; states: number; edges: number } {
  const root: Node = { state: start, edges: [] };
  const seen = new Set([keyOf(terms, start)]);
  let level = [root];
  let edges = 0;
  for (let d = 0; d < depth && level.length !== 0; d++) {
    const next: Node[] = [];
    for (const node of level) {
      for (const move of movesOf(terms, node.state)) {
        const after = play(terms, node.state, move);
        let child: Node | undefined;
        if (after !== undefined && !seen.has(keyOf(terms, after))) {
          seen.add(keyOf(terms, after));
          child = { state: after, edges: [] };
          next.push(child);
        }
        node.edges.push({ move, after, child });
        edges++;
      }
    }
    level = next;
  }
  return { root, states: seen.size, edges };
}

/** Everything worth trying: each kind of move by whoever may and by somebody who may not, right and wrong, at the two seconds
 * on either side of every deadline. */
export function movesOf(terms: Terms, state: State): Move[] {
  const moves: Move[] = [];
  for (const by of ["executor", "second"] as const) moves.push({ kind: "claim", by }, { kind: "commit", by });
  moves.push({ kind: "finalize", by: "stranger" }, { kind: "expire", by: "stranger" }, { kind: "cancel", by: "requester" }, { kind: "cancel", by: "stranger" });
  if (state.disputes.length < terms.maxDisputes) {
    moves.push({ kind: "openSealed", by: "challenger", fraud: terms.cheats, attempt: state.attempt }, { kind: "openBisection", by: "rival", attempt: state.attempt });
    moves.push({ kind: "openBisection", by: "challenger", attempt: state.attempt + 1 });
    // Beside another dispute they would only multiply what each of them shows alone.
    if (state.disputes.length === 0) moves.push({ kind: "openBlock", by: "challenger", attempt: state.attempt }, { kind: "demand", by: "rival", attempt: state.attempt, fraud: terms.cheats, inside: true });
  }
  state.disputes.forEach((dispute, index) => {
    const other: Player = dispute.challenger === "rival" ? "challenger" : "rival";
    moves.push({ kind: "timeout", by: "stranger", dispute: index }, { kind: "close", by: "stranger", dispute: index });
    if (dispute.phase === "ended") return;
    moves.push({ kind: "refute", by: dispute.challenger, dispute: index, fraud: terms.cheats }, { kind: "refute", by: other, dispute: index, fraud: terms.cheats });
    const turn = dispute.turn;
    if (["refute", "sealed", "expanded"].includes(dispute.phase)) {
      moves.push({ kind: "seal", by: dispute.challenger, dispute: index, turn, fraud: terms.cheats }, { kind: "seal", by: other, dispute: index, turn, fraud: terms.cheats });
      moves.push({ kind: "seal", by: dispute.challenger, dispute: index, turn: turn + 1, fraud: terms.cheats });
    }
    moves.push({ kind: "concede", by: dispute.challenger, dispute: index }, { kind: "concede", by: other, dispute: index });
    if (dispute.phase === "expand") {
      for (const by of ["executor", "second", "rival"] as const) moves.push({ kind: "expand", by, dispute: index, turn });
      moves.push({ kind: "expand", by: "executor", dispute: index, turn: turn + 1 });
    }
    if (dispute.phase === "answer") moves.push({ kind: "answer", by: "stranger", dispute: index, turn }, { kind: "answer", by: "executor", dispute: index, turn: turn + 1 });
    if (dispute.phase === "demand") {
      for (const inside of [true, false]) moves.push({ kind: "demandNext", by: dispute.challenger, dispute: index, turn, fraud: terms.cheats && inside, inside });
      moves.push({ kind: "demandNext", by: other, dispute: index, turn, fraud: false, inside: false });
    }
    if (dispute.phase === "expanded" || (dispute.phase === "choose" && dispute.tensor === -1)) {
      for (const by of [dispute.challenger, other]) moves.push({ kind: "descend", by, dispute: index, turn }, { kind: "border", by, dispute: index, turn });
    }
    if (dispute.phase === "choose" && dispute.tensor === -1) moves.push({ kind: "chooseBlock", by: dispute.challenger, dispute: index, turn });
    if (dispute.phase === "reveal" || dispute.phase === "revealChunk") {
      const kind = dispute.phase === "reveal" ? ("reveal" as const) : ("revealChunk" as const);
      moves.push({ kind, by: "stranger", dispute: index, turn, right: true }, { kind, by: "executor", dispute: index, turn, right: false }, { kind, by: "executor", dispute: index, turn: turn + 1, right: true });
    }
    if (dispute.phase === "choose") {
      const list = dispute.inner ? terms.inner : terms.chunks;
      const leaves = dispute.tensor === -1 ? list.length : (list[dispute.tensor] as number);
      for (let choice = 0; choice <= leaves; choice++) moves.push({ kind: "choose", by: dispute.challenger, dispute: index, turn, index: choice });
      moves.push({ kind: "choose", by: other, dispute: index, turn, index: 0 });
      moves.push({ kind: "choose", by: dispute.challenger, dispute: index, turn: turn + 1, index: 0 });
    }
  });
  const boundaries = new Set<number>();
  const running = state.status === "open" || state.status === "claimed" || state.status === "committed";
  for (const last of [...(running ? [state.deadline] : []), ...state.disputes.filter(({ phase }) => phase !== "ended").map(lastSecond)]) boundaries.add(last).add(last + 1);
  for (const { phase, sealedAt, turnStart } of state.disputes) {
    const since = phase === "answer" ? turnStart : phase === "ended" ? -1 : sealedAt;
    if (since !== -1) boundaries.add(since + terms.sealAge - 1).add(since + terms.sealAge);
  }
  for (const until of boundaries) if (until > state.now + 1) moves.push({ kind: "wait", until });
  return moves;
}

/** Two states with the same future have the same key: times count from now, and those that have passed are alike. */
function keyOf(terms: Terms, state: State): string {
  const from = (time: number): number => Math.max(time - state.now, -1);
  const disputes = state.disputes.map((dispute) => ({ ...dispute, turnStart: dispute.phase === "ended" ? 0 : dispute.turnStart - state.now, sealedAt: dispute.phase === "ended" || dispute.sealedAt === -1 ? -1 : Math.min(state.now - dispute.sealedAt, terms.sealAge) }));
  return JSON.stringify({ ...state, now: 0, deadline: from(state.deadline), disputes });
}
