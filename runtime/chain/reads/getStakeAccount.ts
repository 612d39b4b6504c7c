import type { Address } from "viem";
import type { Chain } from "../createChain.ts";
import type { StakeAccount } from "../types.ts";
import { read } from "./read.ts";

/** Stake and credits of an account. */
export async function getStakeAccount(chain: Chain, account: Address): Promise<StakeAccount> {
  const money = await read(chain, "stakes", "getAccount", [account]);
  return { ...money, availableAt: Number(money.availableAt) };
}
