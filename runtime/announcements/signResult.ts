import { recoverTypedDataAddress, type Address, type LocalAccount } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { ResultMessage } from "../network/topics.ts";

type Unsigned = Omit<ResultMessage, "signature">;

const types = {
  Result: [
    { name: "jobId", type: "uint256" },
    { name: "attempt", type: "uint32" },
    { name: "traceRoot", type: "bytes32" },
    { name: "outputRoot", type: "bytes32" },
    { name: "executor", type: "address" },
    { name: "providers", type: "string[]" },
  ],
} as const;

function typedData(message: Unsigned) {
  return {
    domain: { name: "Gainsay", version: "1", chainId: message.chainId, verifyingContract: message.contract as Address },
    types,
    primaryType: "Result",
    message: {
      jobId: BigInt(message.jobId),
      attempt: message.attempt,
      traceRoot: message.traceRoot as Hex,
      outputRoot: message.outputRoot as Hex,
      executor: message.executor as Address,
      providers: message.providers,
    },
  } as const;
}

/** Signs where a result's trace is served with the executor's account (EIP-712). */
export async function signResult(account: LocalAccount, message: Unsigned): Promise<ResultMessage> {
  return { ...message, signature: await account.signTypedData(typedData(message)) };
}

/** Whether the message was signed by the executor that it names. */
export async function isSignedByExecutor({ signature, ...message }: ResultMessage): Promise<boolean> {
  try {
    const signer = await recoverTypedDataAddress({ ...typedData(message), signature: signature as Hex });
    return signer.toLowerCase() === message.executor;
  } catch {
    return false;
  }
}
