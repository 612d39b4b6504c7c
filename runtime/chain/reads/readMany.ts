import type { Abi, AbiFunction, AbiParameter, ContractFunctionArgs, ContractFunctionName, ContractFunctionParameters, ContractFunctionReturnType } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { ContractName } from "../../config/deployment.ts";
import { chainError } from "../chainError.ts";
import { abis, type Abis } from "../contracts.ts";
import type { Chain } from "../createChain.ts";

type Reading = "view" | "pure";

/** Bytes of all answers together: they come back as the code of a contract, which EIP-170 bounds. */
const MAX_ANSWER_BYTES = 24_576;
/** What stands around the words of each answer. */
const FRAME_BYTES = 128;

/**
 * Calls a view function of fixed size once for each list of arguments, as many in one request as fit (58 jobs, 25 disputes): an `eth_call` of code that
 * is sent along and stands on no chain, so it needs nothing deployed, counts as one request, and reads one block. Gives each call's result, or the
 * error that it reverted with. Throws `CHAIN_UNREACHABLE` or `CHAIN_FAILED` if the endpoint does not answer.
 */
export async function readMany<C extends ContractName, F extends ContractFunctionName<Abis[C], Reading>>(
  chain: Chain,
  contract: C,
  functionName: F,
  argsOfEach: readonly ContractFunctionArgs<Abis[C], Reading, F>[],
): Promise<(ContractFunctionReturnType<Abis[C], Reading, F> | GainsayError)[]> {
  const answers: (ContractFunctionReturnType<Abis[C], Reading, F> | GainsayError)[] = [];
  const atOnce = Math.floor((MAX_ANSWER_BYTES - FRAME_BYTES) / (wordsOf(contract, functionName) * 32 + FRAME_BYTES));
  for (let i = 0; i < argsOfEach.length; i += atOnce) {
    const contracts: ContractFunctionParameters[] = argsOfEach.slice(i, i + atOnce).map((args) => ({ address: chain.deployment.contracts[contract], abi: abis[contract] as Abi, functionName: functionName as string, args: args as readonly unknown[] }));
    for (const { result, error } of await chain.client.multicall({ contracts, deployless: true, batchSize: 0, allowFailure: true })) {
      if (error === undefined) {
        answers.push(result as ContractFunctionReturnType<Abis[C], Reading, F>);
        continue;
      }
      const failure = chainError(error);
      // Without an error of the contracts it is the request as a whole that failed, and not one call in it.
      if (failure.code !== "CONTRACT_REVERTED" || failure.details["name"] === undefined) throw failure;
      answers.push(failure);
    }
  }
  return answers;
}

function wordsOf(contract: ContractName, functionName: string): number {
  const found = (abis[contract] as Abi).find((item) => item.type === "function" && item.name === functionName) as AbiFunction;
  const count = (parameters: readonly AbiParameter[]): number => parameters.reduce((sum, parameter) => sum + ("components" in parameter ? count(parameter.components) : 1), 0);
  return count(found.outputs);
}
