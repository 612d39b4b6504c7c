import { beforeAll, describe, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { explore, take } from "./explore.ts";
import { openings, type Opening } from "./openings.ts";
import { perform } from "./perform.ts";
import { replay, show } from "./replay.ts";
import type { Setting } from "./rules/state.ts";
import { beginning, setting, stakes } from "./setting.ts";
import { createStage, type Stage } from "./stage.ts";

/** Calls and waits beyond each opening; every interleaving of them is played. `GAINSAY_SCHEDULER=4` is the deep run. */
const asked = process.env["GAINSAY_SCHEDULER"];
const depth = Number(asked ?? 3);
const deep = asked !== undefined;
/** The quick run plays every accepted call and every so-manyth refused one; whoever asks for a depth gets all of them. */
const refusedShare = deep ? 1 : 8;
const timeout = deep ? 7_200_000 : 120_000;

/** Reaches the opening by the rules and on the contracts, then plays and compares all that may follow. */
async function playFrom(stage: Stage, rules: Setting, { prefix }: Opening, moves: number): Promise<void> {
  const restore = await stage.world.snapshot();
  try {
    let state = beginning;
    for (const step of prefix) {
      const next = take(rules, state, step);
      if ("call" in step) expect(await perform(stage, state, step.call), show([step])).toBe(null);
      expect(next.refused, show([step])).toBe(null);
      state = next.state;
    }
    await compare(stage, state, "at the start");
    const { root, states, edges } = explore(rules, state, moves);
    const counts = { accepted: 0, refused: 0 };
    let refused = 0;
    await replay(stage, root, (edge) => edge.refused === null || refused++ % refusedShare === 0, counts);
    expect(counts.accepted).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
    if (deep) console.info({ moves, states, edges, ...counts });
  } finally {
    await restore.restore();
  }
}

describe("the contracts do what the documents say", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage(setting, stakes);
  });

  it.each(openings)("on every interleaving after $name", { timeout }, (opening) => playFrom(stage, setting, opening, depth));
});

it("caps the reward", { timeout }, async () => {
  const capped = { ...setting, rewardCap: 4_001n };
  const opening = openings.find(({ name }) => name === "a seal and a bisection side by side") as Opening;
  await playFrom(await createStage(capped, stakes), capped, opening, depth - 1);
});
