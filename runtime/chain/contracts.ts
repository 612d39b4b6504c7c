import { encodeFunctionData, prepareEncodeFunctionData, type Abi, type Address, type ContractFunctionArgs, type ContractFunctionName } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { ContractName, Deployment } from "../config/deployment.ts";
import { disputesAbi, jobsAbi, judgeAbi, modelsAbi, stakesAbi } from "./abis.ts";

/** ABI of each contract by its name in the deployment. */
export const abis = { stakes: stakesAbi, models: modelsAbi, jobs: jobsAbi, disputes: disputesAbi, judge: judgeAbi } as const satisfies Record<ContractName, Abi>;
export type Abis = typeof abis;

/** One call that changes state, ready for a sender. */
export interface ContractCall {
  contract: ContractName;
  address: Address;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
  /** wei sent along. */
  value: bigint;
  /** Whoever made the call has simulated it just now: an estimate of its gas is all that it takes. */
  isTried?: true;
  /** What the contract takes in the deployment's token, by an allowance that the sender sees to. */
  payment?: bigint;
}

type Writing = "nonpayable" | "payable";

/**
 * Builds a call of a contract of this deployment, checked against its ABI. `amount` is what the call pays: sent along in ether, or
 * taken by the contract in the deployment's token.
 */
export function contractCall<C extends ContractName, F extends ContractFunctionName<Abis[C], Writing>>(
  deployment: Deployment,
  contract: C,
  functionName: F,
  args: ContractFunctionArgs<Abis[C], Writing, F>,
  amount = 0n,
): ContractCall {
  return { contract, address: deployment.contracts[contract], abi: abis[contract] as Abi, functionName, args: args as readonly unknown[], ...(deployment.token === undefined ? { value: amount } : { value: 0n, payment: amount }) };
}

/** Functions that have been called, with their selectors: viem hashes the signature anew for every call. No contract here overloads a name. */
const prepared = new Map<string, { abi: Abi; functionName: string }>();

/** The bytes of a call. */
export function encodeCall({ contract, abi, functionName, args }: Pick<ContractCall, "contract" | "abi" | "functionName" | "args">): Hex {
  const key = `${contract}.${functionName}`;
  const known = prepared.get(key) ?? (prepareEncodeFunctionData({ abi, functionName, args }) as { abi: Abi; functionName: string });
  prepared.set(key, known);
  return encodeFunctionData({ ...known, args });
}
