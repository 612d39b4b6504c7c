import { describe, expect, it } from "vitest";
import { dtypes, type Program } from "../../protocol/program/types.ts";
import { createFetchBudget, fetchTimeMs, inputTimeMs } from "../../watcher/createFetchBudget.ts";

const { signal } = new AbortController();
const results = (...floats: number[]): Pick<Program, "steps"> => ({ steps: floats.map((count) => ({ result: { dtype: dtypes.float32, shape: [count] } })) }) as unknown as Pick<Program, "steps">;

describe("fetchTimeMs", () => {
  it.each([
    ["a small trace has a minute", results(10), 3_600, 60_000.6103515625],
    ["a large one as long as 64 KiB a second take", results(1 << 20, 1 << 20), 3_600, 188_000],
    ["nothing has more than a third of the window", results(1 << 28), 1_800, 600_000],
  ])("%s", (_, program, window, expected) => {
    expect(fetchTimeMs(program, window)).toBe(expected);
  });
});

describe("inputTimeMs", () => {
  it.each([
    ["a small input has a minute", 64, 3_600, 60_003.90625],
    ["nothing has more than a quarter of the window", 1 << 28, 1_800, 450_000],
  ])("%s", (_, floats, window, expected) => {
    expect(inputTimeMs({ inputs: [{ name: "x", dtype: dtypes.float32, shape: [floats] }] }, window)).toBe(expected);
  });
});

describe("createFetchBudget", () => {
  it("lets through what comes in time, and what fails", async () => {
    const budget = createFetchBudget(60_000);
    expect(await budget.within(async () => 7, signal)).toBe(7);
    await expect(budget.within(() => Promise.reject(new Error("gone")), signal)).rejects.toThrow("gone");
  });

  it("gives up what never ends, tells it so, and leaves nothing for the next", async () => {
    const budget = createFetchBudget(20);
    let told = false;
    const endless = (inner: AbortSignal): Promise<never> => new Promise(() => inner.addEventListener("abort", () => (told = true)));
    await expect(budget.within(endless, signal)).rejects.toMatchObject({ code: "TRACE_TOO_SLOW", retryable: true });
    expect(told).toBe(true);
    await expect(budget.within(endless, signal)).rejects.toMatchObject({ code: "TRACE_TOO_SLOW" });
  });

  it("says what came too slowly", async () => {
    await expect(createFetchBudget(1, "input").within(() => new Promise(() => undefined), signal)).rejects.toMatchObject({ code: "INPUT_TOO_SLOW", retryable: true });
  });

  it("ends with its caller", async () => {
    const caller = new AbortController();
    const waiting = createFetchBudget(60_000).within(() => new Promise(() => undefined), caller.signal);
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  });
});
