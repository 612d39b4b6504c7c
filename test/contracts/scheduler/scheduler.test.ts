import { beforeAll, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { explore, take } from "./explore.ts";
import { openings } from "./openings.ts";
import { perform } from "./perform.ts";
import { replay } from "./replay.ts";
import { beginning, setting, stakes } from "./setting.ts";
import { createStage, type Stage } from "./stage.ts";

/** Calls and waits beyond each opening; every interleaving of them is played. `GAINSAY_SCHEDULER=4` is the deep run. */
const depth = Number(process.env["GAINSAY_SCHEDULER"] ?? 3);
const deep = depth > 3;
/** The quick run plays every accepted edge and every so-manyth refused one. */
const refusedShare = deep ? 1 : 4;

let stage: Stage;
beforeAll(async () => {
  stage = await createStage(setting, stakes);
});

it.each(openings)("the contracts do what the documents say, on every interleaving after $name", { timeout: deep ? 7_200_000 : 60_000 }, async ({ prefix }) => {
  const restore = await stage.world.snapshot();
  let state = beginning;
  for (const step of prefix) {
    const said = JSON.stringify(step, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
    if ("call" in step) expect(await perform(stage, state, step.call), said).toBe(null);
    const { state: after, refused } = take(setting, state, step);
    expect(refused, said).toBe(null);
    state = after;
  }
  await compare(stage, state, "at the start");
  const { root, states, edges } = explore(setting, state, depth);
  const counts = { accepted: 0, refused: 0 };
  let refused = 0;
  await replay(stage, root, (edge) => edge.refused === null || refused++ % refusedShare === 0, counts);
  expect(counts.accepted).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
  if (deep) console.info({ depth, states, edges, ...counts });
  await restore.restore();
});
