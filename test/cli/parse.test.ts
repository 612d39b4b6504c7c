import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amount, etherAmount, unitsOf } from "../../cli/amount.ts";
import { duration, shape, span } from "../../cli/parse.ts";
import { ETHER, formatAmount, type Asset } from "../../runtime/assets/asset.ts";

const coin: Asset = { symbol: "COIN", decimals: 6, token: "0x00000000000000000000000000000000000000C0" };

describe("amounts", () => {
  it.each([
    ["1.5", 15n * 10n ** 17n],
    ["1.5ether", 15n * 10n ** 17n],
    ["2 ETH", 2n * 10n ** 18n],
    ["20gwei", 20n * 10n ** 9n],
    ["0.000000001gwei", 1n],
    ["7wei", 7n],
    ["1.0wei", 1n],
    ["0", 0n],
  ])("%s", (text, wei) => expect([unitsOf(amount(text), ETHER), etherAmount(text)]).toEqual([wei, wei]));

  it.each(["", "1.", ".5", "1e18", "-1", "+1", "1.5 wei", "0x10", "1 btc", "1 2", "١"])("refuses %j", (text) => expect(() => amount(text)).toThrow());

  it("without a unit are whole coins of what the deployment pays in, and wei its smallest units", () => {
    expect(["1.5", "7wei", "0.000001"].map((text) => unitsOf(amount(text), coin))).toEqual([1_500_000n, 7n, 1n]);
    expect(formatAmount(1_500_000n, coin)).toBe("1.5 COIN");
    for (const text of ["1.5ether", "1 gwei", "0.0000001"]) expect(() => unitsOf(amount(text), coin), text).toThrow(expect.objectContaining({ code: "AMOUNT_UNFIT" }));
    expect(() => etherAmount("0.0000000000000000001")).toThrow();
    expect(String(amount(" 20gwei"))).toBe("20gwei");
  });

  it("reads what it writes, to the last wei", () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 96n }), (wei) => unitsOf(amount(formatAmount(wei, ETHER)), ETHER) === wei));
  });
});

describe("times and shapes", () => {
  it.each([["90", 90], ["90s", 90], ["10m", 600], ["2h", 7200], ["1D", 86_400]])("%s", (text, seconds) => expect(duration(text)).toBe(seconds));
  it.each(["", "m", "1.5h", "-1", "1w"])("refuses %j", (text) => expect(() => duration(text)).toThrow());
  it.each([[59, "59 s"], [120, "2 min"], [125, "2 min 5 s"], [7200, "2 h"], [7260, "2 h 1 min"]])("shows %i seconds as %s", (seconds, text) => expect(span(seconds)).toBe(text));
  it("takes a shape apart at the last equals sign", () => {
    expect(shape("image=1,3,224,224")).toEqual(["image", [1, 3, 224, 224]]);
    expect(shape("a=b=2x3")).toEqual(["a=b", [2, 3]]);
  });
});
