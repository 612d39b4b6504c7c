import { describe, expect, it } from "vitest";
import { createSampler } from "../../watcher/createSampler.ts";

const keys = Array.from({ length: 4_000 }, (_, i) => `${i}/1`);

describe("createSampler", () => {
  it("takes the share it is told, everything at 1 and nothing at 0", () => {
    const count = (rate: number): number => keys.filter(createSampler(rate, new Uint8Array(32))).length;
    expect(count(1)).toBe(4_000);
    expect(count(0)).toBe(0);
    expect(count(0.25)).toBeGreaterThan(900);
    expect(count(0.25)).toBeLessThan(1_100);
  });

  it("stays with its choice, which another secret makes differently", () => {
    const [a, again, b] = [createSampler(0.5, new Uint8Array(32)), createSampler(0.5, new Uint8Array(32)), createSampler(0.5)];
    expect(keys.filter(a)).toEqual(keys.filter(again));
    expect(keys.filter(a)).not.toEqual(keys.filter(b));
  });
});
