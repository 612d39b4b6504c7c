import type { LocalAccount } from "viem";
import type { ResultMessage } from "../network/topics.ts";
import { isSignedBy, signAnnouncement, type SignedKind } from "./typedData.ts";

const result: SignedKind = {
  primaryType: "Result",
  fields: [
    { name: "jobId", type: "uint256" },
    { name: "attempt", type: "uint32" },
    { name: "traceRoot", type: "bytes32" },
    { name: "outputRoot", type: "bytes32" },
    { name: "executor", type: "address" },
    { name: "providers", type: "string[]" },
  ],
};

/** Signs where a result's trace is served with the executor's account (EIP-712). */
export async function signResult(account: LocalAccount, message: Omit<ResultMessage, "signature">): Promise<ResultMessage> {
  return { ...message, signature: await signAnnouncement(account, result, message) };
}

/** Whether the message was signed by the executor that it names. */
export function isSignedByExecutor({ signature, ...message }: ResultMessage): Promise<boolean> {
  return isSignedBy(message.executor, result, message, signature);
}
