import { describe, expect, it } from "vitest";
import { createHashShare } from "../../../runtime/inference/hashShare.ts";

/** A share after so many windows of 10 ms, in each of which the process waited for so long. */
function after(windows: number, idle: number, daemon: number) {
  let time = 0;
  const share = createHashShare(() => time);
  for (let i = 0; i < windows; i++) {
    time += 10;
    share.waited(idle);
    share.compare(daemon);
  }
  return share;
}
const part = (share: ReturnType<typeof after>): number => Array.from({ length: 100 }, () => share.takes([1000])).filter(Boolean).length;

describe("createHashShare", () => {
  it("begins with nothing", () => expect(part(after(0, 0, 1))).toBe(0));

  it("takes all when the daemon is busy and the process is not", () => expect(part(after(20, 10, 1))).toBe(100));

  it("takes nothing when the process is busy and the daemon is not", () => expect(part(after(20, 0, 0))).toBe(0));

  it("stays where it is when both are equally busy", () => {
    let time = 0;
    const share = createHashShare(() => time);
    const window = (idle: number, daemon: number): void => {
      time += 10;
      share.waited(idle);
      share.compare(daemon);
    };
    window(10, 1);
    const reached = part(share);
    expect(reached).toBe(30);
    for (let i = 0; i < 50; i++) window(4, 0.6);
    expect(part(share)).toBe(reached);
  });

  it("counts bytes, not outputs", () => {
    const share = after(1, 10, 1);
    let taken = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = 1 + ((i * 7919) % 5000);
      taken += share.takes([bytes]) * bytes;
    }
    const all = Array.from({ length: 3000 }, (_, i) => 1 + ((i * 7919) % 5000)).reduce((a, b) => a + b);
    expect(taken / all).toBeCloseTo(0.3, 2);
  });

  it("takes the first outputs of a run, as many as it has room for, and none of what counts as nothing for long", () => {
    const share = after(1, 10, 1);
    const runs = Array.from({ length: 100 }, () => share.takes([100, 0, 300, 100, 500]));
    expect(new Set(runs)).toEqual(new Set([2, 4]));
    expect(runs.reduce((sum, count) => sum + (count === 4 ? 500 : 100), 0) / 100_000).toBeCloseTo(0.3, 2);
  });
});
