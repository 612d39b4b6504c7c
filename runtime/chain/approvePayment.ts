import { encodeFunctionData, erc20Abi, type Abi, type Address } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { formatAmount } from "../assets/asset.ts";
import { chainError } from "./chainError.ts";
import type { ContractCall } from "./contracts.ts";
import type { Chain } from "./createChain.ts";
import { getAsset } from "./reads/getAsset.ts";

/**
 * The approvals that a call needs before its contract can take its payment in the deployment's token; none in ether, or if enough
 * is allowed. Some tokens change an allowance only from or to zero, so one that is too small is taken back first.
 * Throws `CHAIN_NO_FUNDS` if the account has too little of the token.
 */
export async function approvalsFor(chain: Chain, owner: Address, call: ContractCall): Promise<ContractCall[]> {
  const { token } = chain.deployment;
  const needed = call.payment ?? 0n;
  if (token === undefined || needed === 0n) return [];
  const [balance, allowed] = await Promise.all([getTokenBalance(chain, owner), allowance(chain, token, owner, call.address)]);
  if (balance < needed) {
    const asset = await getAsset(chain);
    throw new GainsayError(`The account ${owner} has too little of the token ${token}: it has ${formatAmount(balance, asset)} and needs ${formatAmount(needed, asset)}. Send it some and try again.`, { code: "CHAIN_NO_FUNDS", kind: "usage", details: { account: owner, token, balance, needed } });
  }
  if (allowed >= needed) return [];
  const approve = (amount: bigint): ContractCall => ({ contract: call.contract, address: token, abi: approveAbi, functionName: "approve", args: [call.address, amount], value: 0n });
  return allowed === 0n ? [approve(needed)] : [approve(0n), approve(needed)];
}

/** What an account has of the deployment's token, in its smallest units. */
export async function getTokenBalance(chain: Chain, account: Address): Promise<bigint> {
  const { token } = chain.deployment;
  if (token === undefined) return 0n;
  try {
    return await chain.client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [account] });
  } catch (error) {
    throw chainError(error);
  }
}

async function allowance(chain: Chain, token: Address, owner: Address, spender: Address): Promise<bigint> {
  try {
    const { data } = await chain.client.call({ to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "allowance", args: [owner, spender] }) });
    return BigInt(data ?? "0x0");
  } catch (error) {
    throw chainError(error);
  }
}

/** Without an answer, because some tokens give none. */
const approveAbi: Abi = [{ type: "function", name: "approve", stateMutability: "nonpayable", inputs: [{ name: "spender", type: "address" }, { name: "amount", type: "uint256" }], outputs: [] }];
