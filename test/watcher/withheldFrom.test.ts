import { describe, expect, it } from "vitest";
import { withheldFrom } from "../../watcher/withheldFrom.ts";

// Committed at second 1000, open to challenges until 1600.
const job = { deadline: 1600, challengeWindow: 600 };

describe("withheldFrom", () => {
  it.each([
    ["the patience counts from the commitment", 60, { since: 1000, answered: true }, 1060],
    ["a patience above a third of the window is a third of it", 500, { since: 1000, answered: true }, 1200],
    ["a watcher that was started after the patience asks for 90 seconds itself", 150, { since: 1300, answered: true }, 1390],
    ["it asks no longer than its patience", 10, { since: 1300, answered: true }, 1310],
    ["it decides while a third of the window is left", 100, { since: 1390, answered: true }, 1400],
    ["one that was started later than that decides at once", 100, { since: 1450, answered: true }, 1400],
    ["whom nobody answers waits until a third of the window is left", 60, { since: 1000, answered: false }, 1400],
    ["without patience nothing is waited for", 0, { since: 1300, answered: false }, 1000],
  ])("%s", (_, patience, asking, expected) => {
    expect(withheldFrom(job, patience, asking)).toBe(expected);
  });
});
