import { describe, expect, it } from "vitest";
import type { Hex } from "../../protocol/hex.ts";
import { bundleTimeMs, createBundleFetches } from "../../watcher/createBundleFetches.ts";

const { signal } = new AbortController();
const root = (digit: string): Hex => `0x${digit.repeat(64)}`;

function recorded() {
  const warnings: object[] = [];
  return { warnings, logger: { warn: (fields: object) => void warnings.push(fields) } };
}

/** A fetch that lasts until it is told to end. */
function slow() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const seen: AbortSignal[] = [];
  return { fetch: (given: AbortSignal) => (seen.push(given), promise), resolve, reject, seen };
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe("createBundleFetches", () => {
  it("gives a bundle a quarter of the window, and twenty minutes at most", () => {
    expect([bundleTimeMs(600), bundleTimeMs(86_400)]).toEqual([150_000, 1_200_000]);
  });

  it("fetches a bundle once for all that need it, three at a time, and the next one after one of them", async () => {
    const bundles = createBundleFetches(recorded());
    const [a, b, c, d] = [slow(), slow(), slow(), slow()];
    const all = [bundles.fetch(root("a"), 600, a.fetch, signal), bundles.fetch(root("b"), 600, b.fetch, signal), bundles.fetch(root("a"), 600, a.fetch, signal), bundles.fetch(root("c"), 600, c.fetch, signal), bundles.fetch(root("d"), 600, d.fetch, signal)];
    await soon();
    expect([a, b, c, d].map(({ seen }) => seen.length)).toEqual([1, 1, 1, 0]);
    a.resolve();
    await Promise.all([all[0], all[2]]);
    await soon();
    expect(d.seen).toHaveLength(1);
    for (const one of [b, c, d]) one.resolve();
    await Promise.all(all);
    // What was fetched may be gone again.
    await bundles.fetch(root("a"), 600, a.fetch, signal);
    expect(a.seen).toHaveLength(2);
  });

  it("lets whoever waits go while it goes on, and says what became of it", async () => {
    const { warnings, logger } = recorded();
    const bundles = createBundleFetches({ logger }, { waitMs: 20 });
    const a = slow();
    for (let i = 0; i < 2; i++) await expect(bundles.fetch(root("a"), 600, a.fetch, signal)).rejects.toMatchObject({ code: "BUNDLE_NOT_YET", retryable: true });
    expect(a.seen.map(({ aborted }) => aborted)).toEqual([false]);
    a.reject(new Error("gone"));
    await soon();
    expect(warnings).toEqual([{ program: root("a"), code: "UNEXPECTED", reason: "gone" }]);
  });

  it("gives up one that never ends, tells it so, and goes on with the next", async () => {
    const { warnings, logger } = recorded();
    const bundles = createBundleFetches({ logger });
    const endless = slow();
    const first = bundles.fetch(root("a"), 0.08, endless.fetch, signal);
    const second = bundles.fetch(root("b"), 600, async () => undefined, signal);
    await expect(first).rejects.toMatchObject({ code: "BUNDLE_TOO_SLOW", retryable: true, details: { milliseconds: 20 } });
    expect(endless.seen[0]?.aborted).toBe(true);
    await second;
    expect(warnings).toEqual([]);
  });

  it("ends with whoever began it", async () => {
    const caller = new AbortController();
    const bundles = createBundleFetches(recorded());
    const endless = slow();
    const waiting = bundles.fetch(root("a"), 600, endless.fetch, caller.signal);
    await soon();
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    expect(endless.seen[0]?.aborted).toBe(true);
  });
});
