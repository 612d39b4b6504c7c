import { describe, expect, it } from "vitest";
import { createStakeBook } from "../../../runtime/announcements/createStakeBook.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";

const account = (n: number): string => `0x${n.toString(16).padStart(40, "0")}`;

/** A chain on which account n holds n ether, half of it locked, and the smallest collateral is three. */
function fakeChain() {
  const asked: string[] = [];
  const state = { fails: false };
  const readContract = async ({ functionName, args }: { functionName: string; args: string[] }): Promise<unknown> => {
    if (functionName !== "getAccount") return { limits: { minCollateral: 3n }, minCollateral: 3n };
    asked.push(args[0] as string);
    if (state.fails) throw new Error("fetch failed");
    const amount = BigInt(args[0] as string);
    return { free: amount / 2n, locked: amount - amount / 2n, pending: 0n, availableAt: 0n, credits: 0n };
  };
  const chain = { client: { readContract }, deployment: { contracts: {} } } as unknown as Chain;
  return { chain, asked, state };
}

describe("createStakeBook", () => {
  it("counts free and locked stake against the smallest collateral, in any letter case", async () => {
    const { chain } = fakeChain();
    const book = createStakeBook(chain, { now: () => 0 });
    expect(await book.isStaked(account(2))).toBe(false);
    expect(await book.isStaked(account(3))).toBe(true);
    expect(await book.isStaked(account(0xabc).toUpperCase().replace("X", "x"))).toBe(true);
  });

  it("asks the chain once a minute", async () => {
    const { chain, asked } = fakeChain();
    let now = 0;
    const book = createStakeBook(chain, { now: () => now });
    await book.isStaked(account(5));
    now = 59_999;
    await book.isStaked(account(5));
    expect(asked).toHaveLength(1);
    now = 60_000;
    await book.isStaked(account(5));
    expect(asked).toHaveLength(2);
  });

  it("does not let a flood of new addresses through to the endpoint", async () => {
    const { chain, asked } = fakeChain();
    let now = 0;
    const book = createStakeBook(chain, { now: () => now });
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, i) => book.isStaked(account(i + 10))));
    expect(asked).toHaveLength(50);
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(950);
    expect(await book.isStaked(account(10))).toBe(true);
    now = 100;
    expect(await book.isStaked(account(5_000))).toBe(true);
    expect(await book.isStaked(account(5_001))).toBeUndefined();
  });

  it("remembers no failure", async () => {
    const { chain, state } = fakeChain();
    const book = createStakeBook(chain, { now: () => 0 });
    state.fails = true;
    await expect(book.isStaked(account(7))).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    state.fails = false;
    expect(await book.isStaked(account(7))).toBe(true);
  });
});
