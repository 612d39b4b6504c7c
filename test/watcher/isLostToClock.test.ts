import { describe, expect, it } from "vitest";
import type { Dispute } from "../../runtime/chain/types.ts";
import { isLostToClock } from "../../watcher/isLostToClock.ts";

describe("isLostToClock", () => {
  it.each<[string, Partial<Dispute>, number, boolean]>([
    ["the challenger may still move in the last second", { phase: "choose" }, 1000, false],
    ["not a second later", { phase: "choose" }, 1001, true],
    ["a refutation that was sealed and not shown", { phase: "sealed" }, 1001, true],
    ["the defender's time is its own", { phase: "reveal" }, 1001, false],
    ["told to the contract", { phase: "ended", outcome: "defenderWon" }, 900, true],
    ["another dispute has convicted: the bond comes back", { phase: "ended", outcome: "void" }, 1001, false],
    ["won", { phase: "ended", outcome: "challengerWon" }, 1001, false],
  ])("%s", (_, dispute, now, expected) => {
    expect(isLostToClock({ outcome: "none", deadline: 1000, ...dispute } as Dispute, now)).toBe(expected);
  });
});
