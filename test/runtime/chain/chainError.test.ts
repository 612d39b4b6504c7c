import { describe, expect, it } from "vitest";
import { isRangeTooLarge, isRateLimited } from "../../../runtime/chain/chainError.ts";

const refusal = (message: string, code = -32000): Error => Object.assign(new Error(message), { code });

describe("isRangeTooLarge and isRateLimited", () => {
  it.each([
    refusal("query exceeds max block range 3", -32005),
    refusal("query returned more than 10000 results", -32005),
    refusal("limit exceeded", -32005),
    refusal("Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", -32602),
    refusal("eth_getLogs requests are limited to a 10,000 block range", -32005),
    refusal("block range exceeds the request limit of 1000"),
    refusal("eth_getLogs is limited to 100 blocks per request"),
  ])("takes for a range: %s", (error) => {
    expect(isRangeTooLarge(error)).toBe(true);
    expect(isRateLimited(error)).toBe(false);
  });

  it.each([
    refusal("rate limit exceeded"),
    refusal("Too Many Requests"),
    refusal("daily request count exceeded, request rate limited", -32005),
    refusal("request count exceeded"),
    refusal("limit exceeded: 25 calls per second"),
    refusal("15/second request limit reached", -32007),
    refusal("Your app has exceeded its compute units per second capacity"),
    refusal("this request exceeds what your plan allows", -32005),
    refusal("limit exceeded", 429),
    new Error("request failed", { cause: Object.assign(new Error("plan limit"), { status: 429 }) }),
  ])("takes for a limit of requests: %s", (error) => {
    expect(isRangeTooLarge(error)).toBe(false);
    expect(isRateLimited(error)).toBe(true);
  });

  it("takes other refusals for neither", () => {
    expect(isRangeTooLarge(refusal("header not found"))).toBe(false);
    expect(isRateLimited(refusal("header not found"))).toBe(false);
  });
});
