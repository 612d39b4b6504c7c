import { describe, expect, it } from "vitest";
import { createBusyness, createHashShare } from "../../../runtime/inference/hashShare.ts";

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

  it("learns nothing from a pause", () => {
    let time = 0;
    const share = createHashShare(() => time);
    const window = (length: number, idle: number, daemon: number): void => {
      time += length;
      share.waited(idle);
      share.compare(daemon);
    };
    window(10, 10, 1);
    window(500, 500, -1);
    window(10, 4, 0.6);
    expect(part(share)).toBe(30);
    // What waited before the pause is forgotten with it.
    share.waited(4);
    window(500, 490, -1);
    window(10, 0, 1);
    expect(part(share)).toBe(30);
  });
});

describe("createBusyness", () => {
  const clock = () => {
    const at = { time: 0, active: 0 };
    const busyness = createBusyness({
      now: () => at.time,
      eventLoopUtilization: (now?: { active: number; idle: number }, before?: { active: number; idle: number }) => {
        if (now === undefined || before === undefined) return { active: at.active, idle: at.time - at.active, utilization: 0 };
        const [active, idle] = [now.active - before.active, now.idle - before.idle];
        return { active, idle, utilization: active / (active + idle) };
      },
    });
    return { busyness, pass: (milliseconds: number, active: number) => void ((at.time += milliseconds), (at.active += active)) };
  };

  it("tells of the windows in which there were runs", () => {
    const { busyness, pass } = clock();
    expect(busyness.begin()).toBe(-1);
    pass(10, 7);
    busyness.end();
    expect(busyness.begin()).toBeCloseTo(0.7);
    pass(1, 0);
    expect(busyness.begin()).toBeCloseTo(0.7);
    pass(9, 2);
    expect(busyness.begin()).toBeCloseTo(0.2);
  });

  it("leaves out pauses, in which something else may have been done", () => {
    const { busyness, pass } = clock();
    busyness.begin();
    pass(10, 5);
    expect(busyness.begin()).toBeCloseTo(0.5);
    busyness.end();
    pass(100, 100);
    // One is still under way.
    expect(busyness.begin()).toBeCloseTo(1);
    busyness.end();
    busyness.end();
    pass(100, 100);
    expect(busyness.begin()).toBe(-1);
    pass(10, 3);
    expect(busyness.begin()).toBeCloseTo(0.3);
    busyness.end();
    busyness.end();
    pass(15, 15);
    // Not long enough.
    expect(busyness.begin()).toBeCloseTo(1);
  });
});
