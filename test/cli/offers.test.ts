import { describe, expect, it } from "vitest";
import { chooseOffer, type MeasuredOffer, type Wish } from "../../cli/offers.ts";
import type { OfferMessage } from "../../runtime/network/topics.ts";

const program = `0x${"aa".repeat(32)}` as const;
const address = (n: number): `0x${string}` => `0x${String(n).repeat(40)}`;
const offer = (n: number, price: bigint, latencySeconds: number | undefined, change: { free?: bigint; maxCollateral?: bigint } = {}): MeasuredOffer => ({
  executor: address(n),
  offer: { executor: address(n), models: [{ program, price: price.toString() }], maxCollateral: (change.maxCollateral ?? 100n).toString() } as OfferMessage,
  stake: { free: change.free ?? 50n, locked: 0n },
  latencySeconds,
});
const wish = (change: Partial<Wish>): Wish => ({ program, collateral: 10n, ...change });
const chosen = (offers: MeasuredOffer[], change: Partial<Wish>): number => Number(chooseOffer(offers, wish(change)).executor.at(-1));

describe("chooseOffer", () => {
  const offers = [offer(1, 30n, 0.01), offer(2, 10n, 0.2), offer(3, 10n, 0.1), offer(4, 20n, 0.01), offer(5, 1n, undefined), offer(6, 1n, 0.001, { free: 9n }), offer(7, 1n, 0.001, { maxCollateral: 9n })];

  it.each([
    { prefer: "price" as const, is: 3, why: "cheapest, and the nearer of two" },
    { prefer: "latency" as const, is: 4, why: "nearest, and the cheaper of two" },
  ])("takes the $why by $prefer, of those that are reachable and would take the job", ({ prefer, is }) => {
    expect(chosen(offers, { prefer })).toBe(is);
    expect(chosen([...offers].reverse(), { prefer })).toBe(is);
  });

  it("takes the one that is named, reachable or not, in any letter case", () => {
    expect(chosen(offers, { executor: address(1) })).toBe(1);
    expect(chosen(offers, { executor: address(5) })).toBe(5);
  });

  it("keeps to the fee that is paid", () => {
    expect(chosen(offers, { prefer: "latency", fee: 20n })).toBe(4);
    expect(chosen(offers, { prefer: "latency", fee: 19n })).toBe(3);
    expect(() => chooseOffer(offers, wish({ prefer: "latency", fee: 9n }))).toThrow(expect.objectContaining({ code: "NO_OFFERS", exitCode: 75 }));
  });

  it("says why the named one is not chosen", () => {
    const refusal = (change: Partial<Wish>): string => {
      try {
        return chooseOffer(offers, wish(change)).executor;
      } catch (error) {
        return `${(error as { code: string }).code}: ${(error as Error).message}`;
      }
    };
    expect(refusal({ executor: address(9) })).toMatch(/^EXECUTOR_NOT_HEARD: /);
    expect(refusal({ executor: address(6) })).toMatch(/^EXECUTOR_UNFIT: .* free stake is 0.000000000000000009 ether/);
    expect(refusal({ executor: address(7) })).toMatch(/^EXECUTOR_UNFIT: .* at most 0.000000000000000009 ether/);
    expect(refusal({ executor: address(1), fee: 29n })).toMatch(/^EXECUTOR_UNFIT: .* asks for 0.00000000000000003 ether/);
    expect(refusal({ executor: address(1), program: `0x${"bb".repeat(32)}` })).toMatch(/^EXECUTOR_UNFIT: .* does not offer this program/);
    expect(refusal({ prefer: "price", collateral: 1_000n })).toMatch(/^NO_OFFERS: None of the executors/);
  });
});
