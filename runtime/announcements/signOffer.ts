import type { LocalAccount } from "viem";
import type { OfferMessage } from "../network/topics.ts";
import { isSignedBy, signAnnouncement, type SignedKind } from "./typedData.ts";

const offer: SignedKind = {
  primaryType: "Offer",
  fields: [
    { name: "executor", type: "address" },
    { name: "issuedAt", type: "uint64" },
    { name: "models", type: "OfferedModel[]" },
    { name: "maxCollateral", type: "uint96" },
    { name: "executionProvider", type: "string" },
    { name: "region", type: "string" },
    { name: "providers", type: "string[]" },
  ],
  structs: {
    OfferedModel: [
      { name: "program", type: "bytes32" },
      { name: "price", type: "uint96" },
    ],
  },
};

/** Signs what an executor would run, and for how much, with its account (EIP-712). */
export async function signOffer(account: LocalAccount, message: Omit<OfferMessage, "signature">): Promise<OfferMessage> {
  return { ...message, signature: await signAnnouncement(account, offer, message) };
}

/** Whether the offer was signed by the executor that it names. */
export function isSignedOffer({ signature, ...message }: OfferMessage): Promise<boolean> {
  return isSignedBy(message.executor, offer, message, signature);
}
