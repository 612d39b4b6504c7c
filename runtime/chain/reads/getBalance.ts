import type { Address } from "viem";
import { chainError } from "../chainError.ts";
import type { Chain } from "../createChain.ts";

/** wei of an account outside the contracts. */
export async function getBalance(chain: Chain, account: Address): Promise<bigint> {
  try {
    return await chain.client.getBalance({ address: account });
  } catch (error) {
    throw chainError(error);
  }
}
