import type { LocalAccount } from "viem";
import type { AlertMessage } from "../network/topics.ts";
import { isSignedBy, signAnnouncement, type SignedKind } from "./typedData.ts";

const alert: SignedKind = {
  primaryType: "Alert",
  fields: [
    { name: "jobId", type: "uint256" },
    { name: "attempt", type: "uint32" },
    { name: "watcher", type: "address" },
    { name: "step", type: "uint32" },
    { name: "reason", type: "string" },
  ],
};

/** Signs a warning of a result with the watcher's account (EIP-712). */
export async function signAlert(account: LocalAccount, message: Omit<AlertMessage, "signature">): Promise<AlertMessage> {
  return { ...message, signature: await signAnnouncement(account, alert, message) };
}

/** Whether the message was signed by the watcher that it names. */
export function isSignedByWatcher({ signature, ...message }: AlertMessage): Promise<boolean> {
  return isSignedBy(message.watcher, alert, message, signature);
}
