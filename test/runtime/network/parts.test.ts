import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { groupByPeer } from "../../../runtime/network/addresses.ts";
import { createSlots } from "../../../runtime/network/blobs/createSlots.ts";
import { decodeCanonical, encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import { createPenalties } from "../../../runtime/network/createPenalties.ts";
import { createTokenBuckets } from "../../../runtime/network/createTokenBuckets.ts";
import { deferred } from "../../../runtime/network/deferred.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { withDeadline } from "../../../runtime/network/withDeadline.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("canonical JSON", () => {
  it("writes keys in code unit order, without spaces, at every depth", () => {
    expect(text(encodeCanonical({ b: [1, { z: null, a: "ü" }], a: true, "\u20ac": 1, "\r": 2, skip: undefined }))).toBe(
      '{"\\r":2,"a":true,"b":[1,{"a":"ü","z":null}],"€":1}',
    );
  });

  it("reads back what it wrote, and the order of insertion makes no difference", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const bytes = encodeCanonical(value);
        expect(encodeCanonical(decodeCanonical(bytes))).toEqual(bytes);
        if (typeof value === "object" && value !== null && !Array.isArray(value)) {
          expect(encodeCanonical(Object.fromEntries(Object.entries(value).reverse()))).toEqual(bytes);
        }
      }),
    );
  });

  it.each(["", " 1", "1 ", "1.0", "1e2", "-0", '{"b":1,"a":2}', '{"a":1,"a":1}', '"\\u0061"', '"\\/"', "\ufeff1", "12345678901234567890", "NaN", "[1,]"])(
    "refuses %j",
    (json) => {
      expect(() => decodeCanonical(Buffer.from(json))).toThrow(expect.objectContaining({ code: "JSON_INVALID" }));
    },
  );

  it.each([Number.NaN, Infinity, 1n, undefined, () => 1])("does not write %s", (value) => {
    expect(() => encodeCanonical([value])).toThrow(expect.objectContaining({ code: "JSON_INVALID" }));
  });
});

describe("token buckets", () => {
  it("gives a burst, then the rate, for each key apart", () => {
    let clock = 0;
    const buckets = createTokenBuckets({ perSecond: 2, burst: 3, maxKeys: 10, now: () => clock });
    const take = (key: string, times: number) => Array.from({ length: times }, () => buckets.take(key)).filter(Boolean).length;
    expect(take("a", 5)).toBe(3);
    expect(take("b", 1)).toBe(1);
    clock += 500;
    expect(take("a", 5)).toBe(1);
    clock += 60_000;
    expect(take("a", 5)).toBe(3);
    clock -= 60_000;
    expect(take("a", 5)).toBe(0);
  });

  it("never allows more than burst plus rate over any time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 50 }), (steps) => {
        let clock = 0;
        let taken = 0;
        const buckets = createTokenBuckets({ perSecond: 1, burst: 5, maxKeys: 1, now: () => clock });
        for (const step of steps) {
          clock += step;
          if (buckets.take("a")) taken += 1;
        }
        expect(taken).toBeLessThanOrEqual(5 + clock / 1_000 + 1e-9);
      }),
    );
  });

  it("forgets the key that was used longest ago", () => {
    const buckets = createTokenBuckets({ perSecond: 0, burst: 1, maxKeys: 2, now: () => 0 });
    expect(["a", "b", "a", "c", "a", "b"].map((key) => buckets.take(key))).toEqual([true, true, false, true, false, true]);
  });
});

describe("penalties", () => {
  it("halve with time and end a ban", () => {
    let clock = 0;
    const penalties = createPenalties(() => clock);
    penalties.add("a", networkLimits.penalty.corruptBlob);
    expect(penalties.points("a")).toBe(100);
    expect(penalties.isBanned("a")).toBe(true);
    expect(penalties.isBanned("b")).toBe(false);
    clock += networkLimits.penalty.halfLifeMs + 1;
    expect(penalties.points("a")).toBeCloseTo(50, 3);
    expect(penalties.isBanned("a")).toBe(false);
    penalties.add("a", 1);
    expect(penalties.isBanned("a")).toBe(true);
  });
});

describe("slots", () => {
  it("runs as many as there are, the others in order, each key apart, failures included", async () => {
    const slots = createSlots(2);
    const started: string[] = [];
    const ends = new Map<string, () => void>();
    const run = (key: string, id: string) =>
      slots.run(key, async () => {
        started.push(id);
        const { promise, resolve } = deferred<void>();
        ends.set(id, () => resolve());
        await promise;
        if (id === "1") throw new Error("failed");
        return id;
      });
    const all = ["1", "2", "3", "4"].map((id) => run("a", id));
    const first = expect(all[0]).rejects.toThrow("failed");
    const other = run("b", "5");
    await Promise.resolve();
    expect(started).toEqual(["1", "2", "5"]);
    ends.get("1")?.();
    await first;
    expect(started).toEqual(["1", "2", "5", "3"]);
    ends.get("3")?.();
    expect(await all[2]).toBe("3");
    await Promise.resolve();
    expect(started).toEqual(["1", "2", "5", "3", "4"]);
    for (const end of ends.values()) end();
    expect(await Promise.all([all[1], all[3], other])).toEqual(["2", "4", "5"]);
  });

  it("lets one that waits go when its signal fires, without losing a slot", async () => {
    const slots = createSlots(1);
    const { promise, resolve } = deferred<void>();
    const first = slots.run("a", () => promise);
    const controller = new AbortController();
    const second = slots.run("a", async () => "never", controller.signal);
    const third = slots.run("a", async () => "third");
    controller.abort(new Error("no more"));
    await expect(second).rejects.toThrow("no more");
    resolve();
    await first;
    expect(await third).toBe("third");
  });
});

describe("deadlines", () => {
  const onTimeout = () => new GainsayError("too late", { code: "TOO_LATE" });

  it("end an operation that does not listen, by time or by the signal of the caller", async () => {
    const never = () => new Promise<never>(() => undefined);
    await expect(withDeadline(never, { timeoutMs: 10, onTimeout })).rejects.toMatchObject({ code: "TOO_LATE" });
    const controller = new AbortController();
    const running = withDeadline(never, { timeoutMs: 60_000, signal: controller.signal, onTimeout });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "ABORTED" });
    await expect(withDeadline(async () => 1, { timeoutMs: 10, signal: controller.signal, onTimeout })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("pass on what the operation gives, and tell it when it is too late", async () => {
    expect(await withDeadline(async () => 1, { timeoutMs: 60_000, onTimeout })).toBe(1);
    let told: AbortSignal | undefined;
    await expect(
      withDeadline(
        (signal) => {
          told = signal;
          return new Promise<never>(() => undefined);
        },
        { timeoutMs: 10, onTimeout },
      ),
    ).rejects.toMatchObject({ code: "TOO_LATE" });
    expect(told?.aborted).toBe(true);
  });
});

describe("peers of a list of addresses", () => {
  const a = "12D3KooWCLfb5pQXp1EHPpjTtBjecfgN5zHPPTryvouz1GyiEgKX";
  const b = "12D3KooWJ88FWDsNmm1ADQzCBJofsaXPBo1JL3Fi1Gg3HCJyfZXv";

  it("puts the addresses of a peer together in the order of first mention, up to the limit", () => {
    const many = Array.from({ length: 20 }, (_, index) => `/ip4/10.0.0.${index}/tcp/1/p2p/${a}`);
    const targets = groupByPeer([b, ...many, `/ip4/10.0.1.1/tcp/1/p2p/${b}`, `/p2p/${a}`]);
    expect(targets.map(({ peer }) => peer.toString())).toEqual([b, a]);
    expect(targets.map(({ addresses }) => addresses.length)).toEqual([1, networkLimits.maxAddressesPerPeer]);
  });
});
