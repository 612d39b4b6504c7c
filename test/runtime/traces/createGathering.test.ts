import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGathering, type Gathered } from "../../../runtime/traces/createGathering.ts";

describe("createGathering", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const setup = (errors: (items: readonly Gathered[]) => [Gathered, unknown][] = () => []) => {
    const batches: string[][] = [];
    const gathering = createGathering<Gathered>({ waitMs: 10, maxItems: 3, maxBytes: 100 }, async (items) => {
      batches.push(items.map(({ key }) => key));
      return new Map(errors(items));
    });
    return { batches, gathering, add: (key: string, bytes = 1) => gathering.add({ key, bytes }) };
  };

  it("writes together what comes within its time, and what comes later apart", async () => {
    const { batches, add } = setup();
    const first = Promise.all([add("a"), add("b")]);
    await vi.advanceTimersByTimeAsync(9);
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await first;
    const second = add("c");
    await vi.advanceTimersByTimeAsync(10);
    await second;
    expect(batches).toEqual([["a", "b"], ["c"]]);
  });

  it("waits no longer with enough items or bytes, when a key comes again, or when it is sealed", async () => {
    const { batches, gathering, add } = setup();
    await Promise.all([add("a"), add("b"), add("c")]);
    await Promise.all([add("d", 99), add("e", 1)]);
    const again = [add("f"), add("f")];
    await again[0];
    gathering.seal();
    await again[1];
    gathering.seal();
    expect(batches).toEqual([["a", "b", "c"], ["d", "e"], ["f"], ["f"]]);
  });

  it("tells each what became of it, and all of them if nothing was written", async () => {
    const some = setup((items) => items.filter(({ key }) => key === "b").map((item) => [item, new Error("no room for b")]));
    expect((await Promise.allSettled([some.add("a"), some.add("b"), some.add("c")])).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const none = setup(() => {
      throw new Error("nothing written");
    });
    expect((await Promise.allSettled([none.add("a"), none.add("b"), none.add("c")])).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  });
});
