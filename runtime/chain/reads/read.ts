import type { Abi, ContractFunctionArgs, ContractFunctionName, ContractFunctionReturnType } from "viem";
import type { ContractName } from "../../config/deployment.ts";
import { chainError } from "../chainError.ts";
import { abis, type Abis } from "../contracts.ts";
import type { Chain } from "../createChain.ts";

type Reading = "view" | "pure";

/** Calls a view function of a contract of this deployment, at the newest block or at the one given. Throws `CONTRACT_REVERTED`, `CHAIN_UNREACHABLE` or `CHAIN_FAILED`. */
export async function read<C extends ContractName, F extends ContractFunctionName<Abis[C], Reading>>(
  chain: Chain,
  contract: C,
  functionName: F,
  args: ContractFunctionArgs<Abis[C], Reading, F>,
  blockNumber?: bigint,
): Promise<ContractFunctionReturnType<Abis[C], Reading, F>> {
  try {
    const request = { address: chain.deployment.contracts[contract], abi: abis[contract] as Abi, functionName: functionName as string, args: args as readonly unknown[], ...(blockNumber === undefined ? {} : { blockNumber }) };
    return (await chain.client.readContract(request)) as ContractFunctionReturnType<Abis[C], Reading, F>;
  } catch (error) {
    throw chainError(error);
  }
}
