import type { Step } from "./explore.ts";
import type { Call, Party } from "./rules/calls.ts";

/** A state from which all interleavings are played, and how it is reached. */
export interface Opening {
  name: string;
  prefix: readonly Step[];
}

const calls = (...list: Call[]): Step[] => list.map((call) => ({ call }));
const seal = (by: Party, element: number) => ({ by, witness: { step: 0, element } });
const right = { record: "right" } as const;
const named = { commitment: "a", payment: 0n } as const;
const first = { dispute: 0 } as const;

const submitted = calls({ move: "submit", by: "requester", payment: 0n });
const committed = [...submitted, ...calls({ move: "claim", by: "executor", ...right }, { move: "commit", by: "executor", ...right, commitment: "a" })];
const unfolded = [...committed, ...calls({ move: "unfold", by: "stranger", ...right })];
const choosing = { by: "rival", ...first, proof: "right" } as const;
const revealing = { move: "reveal", by: "stranger", ...first, children: "right" } as const;

const bisected = [...unfolded, ...calls({ move: "open", by: "rival", ...named, seal: null })];
const inTensor = calls({ ...revealing, turn: 0 }, { move: "chooseTensor", ...choosing, turn: 1, index: 1, step: 2 }, { ...revealing, turn: 2 });
const dueChunk = calls({ move: "choose", ...choosing, turn: 3, index: 2 });
const shown = calls({ move: "revealChunk", by: "executor", ...first, turn: 4, data: "right" });
const blockOpened = [...unfolded, ...calls({ move: "openBlock", by: "challenger", ...named, block: 1, proof: "right" })];
const expanded = calls({ move: "expand", by: "executor", ...first, turn: 0, commitment: "a", block: 1, root: "a" });
const innerList = calls({ move: "descend", by: "challenger", ...first, turn: 1 }, { ...revealing, turn: 2 });
const innerChoosing = { by: "challenger", ...first, proof: "right" } as const;
const innerChunk = calls(
  { move: "chooseTensor", ...innerChoosing, turn: 3, index: 0, step: 1 }, { ...revealing, turn: 4 },
  { move: "choose", ...innerChoosing, turn: 5, index: 1 }, { move: "revealChunk", by: "executor", ...first, turn: 6, data: "right" },
);
const innerAnswered = (turn: number, block: number, step: number): Step[] =>
  calls({ move: "expand", by: "executor", ...first, turn, commitment: "a", block, root: "a" }, { move: "answer", by: "stranger", ...first, turn: turn + 1, witness: { step, element: 5 } });
const missed = (by: Party, second: number): Step[] => [...calls({ move: "claim", by, ...right }), { until: second }, ...calls({ move: "expire", by: "stranger", ...right })];
const sealedAndBisected = [...unfolded, ...calls({ move: "open", by: "challenger", ...named, seal: seal("challenger", 1) }, { move: "open", by: "rival", ...named, seal: null })];
const convicted = [...sealedAndBisected, ...calls({ ...revealing, dispute: 1, turn: 0 }), { until: 8 }, ...calls({ move: "refute", by: "challenger", ...first, witness: { step: 0, element: 1 } })];
const demanded = (step: number, element: number, block: number | null): Step[] => [...unfolded, ...calls({ move: "demand", by: "rival", ...named, step, element, block })];

export const openings: readonly Opening[] = [
  { name: "nothing", prefix: [] },
  { name: "a submission", prefix: submitted },
  { name: "a commitment", prefix: committed },
  { name: "a commitment unfolded", prefix: unfolded },
  { name: "a claim in the last second before the expiry", prefix: [...submitted, { until: 100 }, ...missed("executor", 151), { until: 230 }, ...calls({ move: "claim", by: "second", ...right })] },
  { name: "two missed deliveries", prefix: [...submitted, ...missed("executor", 53), ...missed("second", 105), ...calls({ move: "deposit", by: "challenger", amount: 20_000n, payment: 0n })] },
  { name: "a seal and a bisection side by side", prefix: sealedAndBisected },
  // The same roots once more, so that the new commitment has the name of the old one, against which a dispute is still open.
  { name: "another attempt beside an old dispute", prefix: [...convicted, ...calls({ move: "claim", by: "second", ...right }, { move: "commit", by: "second", ...right, commitment: "a" }, { move: "unfold", by: "stranger", ...right })] },
  { name: "a reveal of the trace", prefix: [...bisected, ...calls({ ...revealing, turn: 0 })] },
  { name: "a tree of two reveals", prefix: [...bisected, ...calls({ ...revealing, turn: 0 }, { move: "chooseTensor", ...choosing, turn: 1, index: 0, step: 0 }, { ...revealing, turn: 2 }, { move: "choose", ...choosing, turn: 3, index: 8 })] },
  { name: "a choice among chunks", prefix: [...bisected, ...inTensor] },
  { name: "a chunk shown", prefix: [...bisected, ...inTensor, ...dueChunk, ...shown] },
  // The defender has used nearly all of its clock when its last move comes: it plays on the extension.
  { name: "a chunk due on the extension", prefix: [...bisected, { until: 33 }, ...inTensor, ...dueChunk] },
  { name: "a block opened", prefix: blockOpened },
  { name: "a block expanded", prefix: [...blockOpened, ...expanded] },
  { name: "an inner list revealed", prefix: [...blockOpened, ...expanded, ...innerList] },
  { name: "an inner chunk shown", prefix: [...blockOpened, ...expanded, ...innerList, ...innerChunk] },
  { name: "a demand of a false element", prefix: demanded(0, 1, null) },
  { name: "a sound answer through a block", prefix: [...demanded(1, 5, 1), ...innerAnswered(0, 1, 1)] },
  { name: "two sound answers of three, through two blocks", prefix: [...demanded(1, 5, 1), ...innerAnswered(0, 1, 1), ...calls({ move: "demandNext", by: "rival", ...first, turn: 2, ...named, step: 3, element: 5, block: 2 }), ...innerAnswered(3, 2, 3)] },
];
