import type { LocalAccount } from "viem";
import type { ResultsMessage } from "../network/topics.ts";
import { isSignedBy, signAnnouncement, type SignedKind } from "./typedData.ts";

const results: SignedKind = {
  primaryType: "Results",
  fields: [
    { name: "executor", type: "address" },
    { name: "results", type: "Result[]" },
    { name: "providers", type: "string[]" },
  ],
  structs: {
    Result: [
      { name: "jobId", type: "uint256" },
      { name: "attempt", type: "uint32" },
      { name: "traceRoot", type: "bytes32" },
      { name: "outputRoot", type: "bytes32" },
    ],
  },
};

/** Signs where the traces of results are served with the executor's account (EIP-712). */
export async function signResults(account: LocalAccount, message: Omit<ResultsMessage, "signature">): Promise<ResultsMessage> {
  return { ...message, signature: await signAnnouncement(account, results, message) };
}

/** Whether the message was signed by the executor that it names. */
export function isSignedByExecutor({ signature, ...message }: ResultsMessage): Promise<boolean> {
  return isSignedBy(message.executor, results, message, signature);
}
