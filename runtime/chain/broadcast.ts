import type { Hex } from "../../protocol/hex.ts";
import { chainError, isUnreachable, reasonOf } from "./chainError.ts";
import type { Chain } from "./createChain.ts";

/** `unknown`: the connection failed, so the node may or may not have it; sending the same bytes again does no harm. */
export type BroadcastAnswer = "accepted" | "nonce-used" | "underpriced" | "unknown";

/** Hands a signed transaction to the node. Throws only what sending again cannot mend. */
export async function broadcast(chain: Chain, raw: Hex): Promise<BroadcastAnswer> {
  try {
    await chain.client.sendRawTransaction({ serializedTransaction: raw });
    return "accepted";
  } catch (error) {
    const reason = reasonOf(error);
    // Nodes agree on no error codes here, only more or less on words.
    if (/already known|known transaction|already imported|already exists/i.test(reason)) return "accepted";
    if (/nonce.{0,20}too low|nonce has already been used|expected nonce to be/i.test(reason)) return "nonce-used";
    if (/underpriced|fee too low|less than (the )?block base fee|gas price too low/i.test(reason)) return "underpriced";
    if (isUnreachable(error)) return "unknown";
    throw chainError(error);
  }
}
