import { encodeAbiParameters, encodeFunctionData, erc20Abi, stringToHex, type Hex } from "viem";
import { describe, expect, it } from "vitest";
import { ETHER, formatAmount } from "../../../runtime/assets/asset.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { getAsset, readAsset } from "../../../runtime/chain/reads/getAsset.ts";

const token = `0x${"70".repeat(20)}` as const;
const word = (value: number): Hex => `0x${value.toString(16).padStart(64, "0")}`;
const string = (text: string): Hex => encodeAbiParameters([{ type: "string" }], [text]);
const symbolCall = encodeFunctionData({ abi: erc20Abi, functionName: "symbol" });

/** A chain whose token answers so; undefined is an answer without bytes, as of an address without a contract. */
function chainWith(decimals: Hex | undefined, symbol: Hex | undefined, calls: Hex[] = []): Chain {
  return { deployment: { token }, client: { call: async ({ data }: { data: Hex }) => (calls.push(data), { data: data === symbolCall ? symbol : decimals }) } } as unknown as Chain;
}

describe("what a deployment pays in", () => {
  it("is ether without a token, and nothing is asked", async () => {
    expect(await getAsset({ deployment: {} } as Chain)).toBe(ETHER);
    expect(formatAmount(1n, ETHER)).toBe("0.000000000000000001 ether");
  });

  it("is the token, by its own symbol and decimals, read once", async () => {
    const calls: Hex[] = [];
    const chain = chainWith(word(6), string("USDX"), calls);
    expect(await getAsset(chain)).toEqual({ symbol: "USDX", decimals: 6, token });
    expect(formatAmount(2_500_000n, await getAsset(chain))).toBe("2.5 USDX");
    expect(calls).toHaveLength(2);
  });

  it("has a symbol in 32 bytes, as old tokens do", async () => {
    expect(await getAsset(chainWith(word(18), stringToHex("OLD", { size: 32 })))).toMatchObject({ symbol: "OLD" });
  });

  it.each([["ether"], ["WEI"], ["\u001b[31mred"], [""], ["a symbol of many words"], ["юань"]])("is not called %j, which would mislead or spoil a terminal", async (symbol) => {
    expect(await getAsset(chainWith(word(18), string(symbol)))).toMatchObject({ symbol: "tokens", decimals: 18 });
  });

  it("is counted in smallest units where the token tells no decimals, and refused for a new deployment", async () => {
    for (const decimals of [undefined, "0x" as const, word(256)]) {
      const chain = chainWith(decimals, undefined);
      expect(await getAsset(chain)).toEqual({ symbol: "tokens", decimals: 0, token });
      await expect(readAsset(chain.client, token)).rejects.toMatchObject({ code: "TOKEN_UNREADABLE" });
    }
  });

  it("is asked for again after the chain did not answer", async () => {
    const chain = chainWith(word(6), string("USDX"));
    const { call } = chain.client;
    chain.client.call = () => Promise.reject(new Error("fetch failed"));
    await expect(getAsset(chain)).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    chain.client.call = call;
    expect(await getAsset(chain)).toMatchObject({ symbol: "USDX" });
  });
});
