import { expect } from "vitest";
import { compare } from "./compare.ts";
import type { Edge, Node, Step } from "./explore.ts";
import { perform } from "./perform.ts";
import type { Stage } from "./stage.ts";

/** Counts of what was played on the chain. */
export interface Counts {
  accepted: number;
  refused: number;
}

/** Plays the edges of the search on the contracts, those that `picks` takes, and compares what they do with what the model did. */
export async function replay(stage: Stage, node: Node, picks: (edge: Edge) => boolean, counts: Counts, path: readonly Step[] = []): Promise<void> {
  const restore = await stage.world.snapshot();
  for (const edge of node.edges) {
    if (!picks(edge)) continue;
    const here = [...path, edge.step];
    if ("call" in edge.step) {
      const said = `after ${show(here)}`;
      expect(await perform(stage, node.state, edge.step.call), said).toBe(edge.refused);
      if (edge.refused === null) await compare(stage, edge.after, said);
      counts[edge.refused === null ? "accepted" : "refused"]++;
    }
    if (edge.child !== undefined) await replay(stage, edge.child, picks, counts, here);
    if ("call" in edge.step) await restore.restore();
  }
}

/** The calls and waits of a path, for a message. */
export function show(path: readonly Step[]): string {
  return path.map((step) => JSON.stringify("call" in step ? step.call : step, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value))).join(" ");
}
