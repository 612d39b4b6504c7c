import { describe, expect, it } from "vitest";
import { createTasks } from "../../../runtime/tasks/createTasks.ts";

function setUp(concurrency = 2) {
  let time = 0;
  const warnings: object[] = [];
  const logger = { debug: () => undefined, warn: (fields: object) => void warnings.push(fields) };
  const tasks = createTasks({ concurrency, backoffMs: 100, maxBackoffMs: 250 }, { logger, now: () => time });
  return { tasks, warnings, pass: (ms: number) => void (time += ms) };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("createTasks", () => {
  it("runs a key once at a time and no more tasks than allowed", async () => {
    const { tasks } = setUp();
    const release: (() => void)[] = [];
    const started: string[] = [];
    const work = (key: string) => () => {
      started.push(key);
      return new Promise<void>((resolve) => release.push(resolve));
    };
    for (const key of ["a", "a", "b", "c"]) tasks.offer(key, work(key));
    expect(started).toEqual(["a", "b"]);
    expect(tasks.busy("c")).toBe(true);
    release.shift()?.();
    await settle();
    expect(started).toEqual(["a", "b", "c"]);
    tasks.offer("a", work("a"));
    release.shift()?.();
    await settle();
    expect(started).toEqual(["a", "b", "c", "a"]);
  });

  it("starts what has the earliest deadline first, and what has none last", async () => {
    const { tasks } = setUp(1);
    const started: string[] = [];
    const work = (key: string) => async () => void started.push(key);
    tasks.offer("at work", work("at work"));
    for (const [key, deadline] of [["none", undefined], ["late", 30], ["soon", 10], ["soon, too", 10], ["none, too", undefined], ["later", 40]] as const) tasks.offer(key, work(key), deadline);
    for (let i = 0; i < 10; i++) await settle();
    expect(started).toEqual(["at work", "soon", "soon, too", "late", "later", "none", "none, too"]);
  });

  it("pauses after a failure, longer each time, and forgets failures after a success", async () => {
    const { tasks, warnings, pass } = setUp();
    let runs = 0;
    let fail = true;
    const attempt = async (): Promise<void> => {
      tasks.offer("x", async () => {
        runs++;
        if (fail) throw new Error("no");
      });
      await settle();
    };
    await attempt();
    await attempt();
    expect(runs).toBe(1);
    pass(100);
    await attempt();
    expect(runs).toBe(2);
    pass(199);
    await attempt();
    expect(runs).toBe(2);
    pass(1);
    await attempt();
    expect(warnings.map((fields) => (fields as { retryInMs: number }).retryInMs)).toEqual([100, 200, 250]);
    fail = false;
    pass(250);
    await attempt();
    await attempt();
    expect(runs).toBe(5);
  });

  it("aborts on stop and takes nothing more", async () => {
    const { tasks, warnings } = setUp();
    let aborted = false;
    tasks.offer("long", (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => ((aborted = true), reject(new Error("aborted"))))));
    await tasks.stop();
    expect(aborted).toBe(true);
    expect(warnings).toEqual([]);
    tasks.offer("late", () => Promise.reject(new Error("must not run")));
    expect(tasks.busy("late")).toBe(false);
  });
});
