import { describe, expect, it } from "vitest";
import { createTurns, type Deadline } from "../../../runtime/chain/createTurns.ts";

/** The order in which work with these deadlines is done, if the first one is under way when the others come. */
async function orderOf(deadlines: readonly Deadline[]): Promise<number[]> {
  const turns = createTurns();
  const order: number[] = [];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const first = turns.take(undefined, () => held);
  await Promise.resolve();
  const others = deadlines.map((deadline, i) => turns.take(deadline, async () => void order.push(i)));
  release();
  await Promise.all([first, ...others]);
  return order;
}

describe("createTurns", () => {
  it("takes the earliest deadline first, then what has none, and equals as they came", async () => {
    expect(await orderOf([undefined, 30, 10, undefined, 20, 10])).toEqual([2, 5, 4, 1, 0, 3]);
  });

  it("asks for a deadline that may change when the turn comes", async () => {
    let due: number | undefined;
    const order = orderOf([50, () => due]);
    due = 40;
    expect(await order).toEqual([1, 0]);
  });

  it("lets nothing wait for ever: after sixteen that went before it, what came first is next", async () => {
    const order = await orderOf([undefined, ...Array.from({ length: 30 }, (_, i) => 100 + i)]);
    expect(order.indexOf(0)).toBe(16);
  });

  it("goes on after work that failed", async () => {
    const turns = createTurns();
    await expect(turns.take(undefined, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await turns.take(undefined, async () => 7)).toBe(7);
  });
});
