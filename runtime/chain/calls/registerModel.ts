import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { eventIn } from "./eventIn.ts";

/** Registers a program: `bundle` is H of its bundle's manifest, `uri` says where it may be found. */
export async function registerModel(sender: Sender, header: ProgramHeader, bundle: Hex, uri: string, options?: SendOptions): Promise<{ modelId: bigint; programRoot: Hex; receipt: TransactionReceipt }> {
  const receipt = await sender.send(contractCall(sender.chain.deployment, "models", "register", [header, bundle, uri]), options);
  const { modelId, programRoot } = eventIn(sender.chain, receipt, "models", "Registered").args;
  return { modelId, programRoot, receipt };
}
