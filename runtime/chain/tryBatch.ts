import { decodeFunctionResult, encodeFunctionData, type Address } from "viem";
import type { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { jobsAbi } from "./abis.ts";
import { chainError } from "./chainError.ts";
import type { Chain } from "./createChain.ts";
import { MAX_TRANSACTION_GAS } from "./prepareCall.ts";

/** `done`: would succeed in this batch. `crowded`: only without those before it. An error: would fail in any case. */
export type Tried = "done" | "crowded" | GainsayError;

/**
 * What each call of a batch would come to on the newest block. One request, and another one for each call that fails.
 * Throws `CONTRACT_REVERTED` (`StarvedCall`) where all of them need more gas than one transaction may have, `CHAIN_UNREACHABLE`, `CHAIN_FAILED`.
 */
export async function tryBatch(chain: Chain, account: Address, calls: readonly { to: Address; data: Hex }[]): Promise<Tried[]> {
  const [first] = calls;
  if (first === undefined) return [];
  const data = encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [calls.map((call) => call.data)] });
  const done = await chain.client
    .call({ account, to: first.to, data, gas: MAX_TRANSACTION_GAS })
    .then((answer) => decodeFunctionResult({ abi: jobsAbi, functionName: "batch", data: answer.data ?? "0x" }))
    .catch((error: unknown) => {
      throw chainError(error);
    });
  return Promise.all(calls.map(async (call, i): Promise<Tried> => (done[i] === true ? "done" : tryAlone(chain, account, call))));
}

async function tryAlone(chain: Chain, account: Address, { to, data }: { to: Address; data: Hex }): Promise<"crowded" | GainsayError> {
  try {
    await chain.client.call({ account, to, data, gas: MAX_TRANSACTION_GAS });
    return "crowded";
  } catch (error) {
    const failure = chainError(error);
    if (failure.code !== "CONTRACT_REVERTED") throw failure;
    return failure;
  }
}
