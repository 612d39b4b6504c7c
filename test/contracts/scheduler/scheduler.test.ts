import { beforeAll, describe, expect, it } from "vitest";
import { explore, movesOf } from "./explore.ts";
import { initialState, play, type Move, type State, type Terms } from "./model.ts";
import { createStage, perform, replay } from "./replay.ts";

/** Moves beyond each opening; every interleaving of them is played. `GAINSAY_SCHEDULER=5` is the deep run. */
const depth = Number(process.env["GAINSAY_SCHEDULER"] ?? 3);
const deep = depth > 3;
/** The quick run plays every accepted edge and every so-manyth refused one. */
const refusedShare = deep ? 1 : 4;

const stakes = { executor: 10_000, second: 15_000 };
const terms: Terms = { fee: 5000, collateral: 10_000, claimWindow: 100, deliveryWindow: 50, challengeWindow: 40, expiry: 230, lifetime: 2000, bond: 77, clock: 30, extension: 10, sealAge: 3, rewardCap: 4000, chunks: [1, 3], inner: [2], maxDemands: 2, cheats: true, maxDisputes: 2 };

const delivered: Move[] = [{ kind: "claim", by: "executor" }, { kind: "commit", by: "executor" }];
const bisected: Move[] = [
  ...delivered,
  { kind: "openBisection", by: "rival", attempt: 1 },
  { kind: "reveal", by: "stranger", dispute: 0, turn: 0, right: true },
  { kind: "choose", by: "rival", dispute: 0, turn: 1, index: 1 },
  { kind: "reveal", by: "stranger", dispute: 0, turn: 2, right: true },
];
const shown: Move[] = [...bisected, { kind: "choose", by: "rival", dispute: 0, turn: 3, index: 2 }, { kind: "revealChunk", by: "executor", dispute: 0, turn: 4, right: true }];

const opened: Move[] = [...delivered, { kind: "openBlock", by: "challenger", attempt: 1 }, { kind: "expand", by: "executor", dispute: 0, turn: 0 }];
const inside: Move[] = [...opened, { kind: "descend", by: "challenger", dispute: 0, turn: 1 }, { kind: "reveal", by: "stranger", dispute: 0, turn: 2, right: true }];

const openings: [string, Move[]][] = [
  ["a submission", []],
  ["a commitment", delivered],
  ["a seal and a bisection side by side", [...delivered, { kind: "openSealed", by: "challenger", fraud: true, attempt: 1 }, { kind: "openBisection", by: "rival", attempt: 1 }]],
  ["the choice of a chunk", bisected],
  ["a chunk shown", shown],
  // The defender has used nearly all of its clock when its last move comes: it plays on the extension.
  ["a block expanded", opened],
  ["an inner list revealed", inside],
  ["an inner chunk shown", [...inside, { kind: "choose", by: "challenger", dispute: 0, turn: 3, index: 0 }, { kind: "reveal", by: "second", dispute: 0, turn: 4, right: true }, { kind: "choose", by: "challenger", dispute: 0, turn: 5, index: 1 }, { kind: "revealChunk", by: "executor", dispute: 0, turn: 6, right: true }]],
  ["a sound answer through a block", [...delivered, { kind: "demand", by: "rival", attempt: 1, fraud: false, inside: true }, { kind: "expand", by: "executor", dispute: 0, turn: 0 }, { kind: "answer", by: "stranger", dispute: 0, turn: 1 }]],
  ["a chunk due on the extension", [...delivered, { kind: "openBisection", by: "rival", attempt: 1 }, { kind: "wait", until: 30 }, ...bisected.slice(3), ...shown.slice(6, 7)]],
];

/** Where the quick run goes one move less deep. */
const wide = new Set(["a block expanded", "an inner list revealed", "an inner chunk shown", "a sound answer through a block"]);

describe.each([true, false])("the contracts and the model, executor cheating: %s", (cheats) => {
  const rules = { ...terms, cheats };
  let stage: Awaited<ReturnType<typeof createStage>>;
  beforeAll(async () => {
    stage = await createStage(rules, stakes);
  });

  it.each(openings)("agree on every interleaving after %s", { timeout: deep ? 7_200_000 : 60_000 }, async (name, prefix) => {
    const restore = await stage.world.snapshot();
    let state: State = initialState(rules, stakes);
    for (const move of prefix.map((each) => fitting(each, cheats))) {
      const after = play(rules, state, move);
      expect(after, JSON.stringify(move)).toBeDefined();
      await perform(stage, state, move);
      state = after as State;
    }
    const { root, states, edges } = explore(rules, state, !deep && wide.has(name) ? depth - 1 : depth);
    const played = { accepted: 0, rejected: 0 };
    let refused = 0;
    await replay(stage, root, ({ after }) => after !== undefined || refused++ % refusedShare === 0, played);
    expect(played.accepted).toBeGreaterThan(0);
    expect(played.rejected).toBeGreaterThan(0);
    if (deep) console.info({ depth, states, edges, ...played });
    await restore.restore();
  });
});

it("offers moves in every state, until all is settled", () => {
  const start = initialState(terms, stakes);
  expect(movesOf(terms, start).some((move) => play(terms, start, move) !== undefined)).toBe(true);
});

/** An honest executor's seal can only hold a sound witness. */
function fitting(move: Move, cheats: boolean): Move {
  return move.kind === "openSealed" ? { ...move, fraud: cheats } : move;
}
