import type { Call } from "./rules/calls.ts";
import { play } from "./rules/play.ts";
import type { Setting, State } from "./rules/state.ts";
import { callsIn, secondsIn } from "./tries.ts";

/** A call in the next second, or that time passes so that the next call is in second `until`. */
export type Step = { call: Call } | { until: number };

/** A state of the game, what is tried in it, and where that leads; a leaf of the search has no edges. */
export interface Node {
  state: State;
  edges: Edge[];
}

export interface Edge {
  step: Step;
  after: State;
  /** The error with which the rules refuse the call; null where they accept it. */
  refused: string | null;
  /** The node after it, if this edge was the first to reach it. */
  child: Node | undefined;
}

/** One step of the game, by the rules. */
export function take(setting: Setting, state: State, step: Step): { state: State; refused: string | null } {
  if ("until" in step) return { state: { ...state, now: step.until - 1 }, refused: null };
  return play(state, setting, step.call, state.now + 1);
}

/** Breadth-first over all interleavings of calls and waits, each distinct state once, down to `depth` of them. */
export function explore(setting: Setting, start: State, depth: number): { root: Node; states: number; edges: number } {
  const root: Node = { state: start, edges: [] };
  const seen = new Set([keyOf(setting, start)]);
  let level = [root];
  let edges = 0;
  for (let d = 0; d < depth; d++) {
    const next: Node[] = [];
    for (const node of level) {
      for (const step of stepsOf(setting, node.state)) {
        const { state: after, refused } = take(setting, node.state, step);
        let child: Node | undefined;
        if (refused === null && !seen.has(keyOf(setting, after))) {
          seen.add(keyOf(setting, after));
          child = { state: after, edges: [] };
          next.push(child);
        }
        node.edges.push({ step, after, refused, child });
        edges++;
      }
    }
    level = next;
  }
  return { root, states: seen.size, edges };
}

function stepsOf(setting: Setting, state: State): Step[] {
  const waits = secondsIn(setting, state).filter((second) => second > state.now + 1);
  return [...callsIn(setting, state).map((call) => ({ call })), ...waits.map((until) => ({ until }))];
}

/** Two states with the same future have the same key: times count from now, and those that have passed are alike. */
function keyOf(setting: Setting, state: State): string {
  const from = (time: number): number => Math.max(time - state.now, -1);
  const { job } = state;
  const disputes = state.disputes.map((dispute) =>
    dispute.phase === "ended"
      ? "ended"
      : { ...dispute, turnStart: dispute.turnStart - state.now, sealedAt: dispute.sealedAt === null ? null : Math.min(state.now - dispute.sealedAt, setting.sealAge) },
  );
  const accounts = Object.values(state.accounts).map((account) => ({ ...account, availableAt: account.pending === 0n ? 0 : from(account.availableAt) }));
  const relative = { ...job, deadline: from(job.deadline), expiry: from(job.expiry), reopenedAt: job.reopenedAt === state.now };
  return JSON.stringify([accounts, relative, disputes], (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
