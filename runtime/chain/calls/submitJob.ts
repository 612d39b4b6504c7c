import { zeroAddress, type Address, type TransactionReceipt } from "viem";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { eventIn } from "./eventIn.ts";

/** What a requester asks for; money in wei, windows in seconds. See `Submission` in contracts/types/Job.sol. */
export interface Submission {
  programRoot: Hex;
  inputRoot: Hex;
  fee: bigint;
  collateral: bigint;
  claimWindow: number;
  deliveryWindow: number;
  challengeWindow: number;
  /** Seconds since the epoch after which nobody may claim; without it the latest that the deployment allows. */
  expiry?: number;
  /** Committed bytes of the inputs, one after another; without it they are delivered off chain. */
  input?: Uint8Array;
  /** Contract that is told the final result, with `callbackGas`. */
  consumer?: Address | undefined;
  callbackGas?: number | undefined;
}

/** Opens a job and puts its fee in escrow. */
export async function submitJob(sender: Sender, submission: Submission, options?: SendOptions): Promise<{ jobId: bigint; deadline: number; receipt: TransactionReceipt }> {
  const { fee, expiry = 0, input, consumer = zeroAddress, callbackGas = 0, ...rest } = submission;
  const call = contractCall(sender.chain.deployment, "jobs", "submit", [{ ...rest, fee, consumer, callbackGas, expiry: BigInt(expiry), input: toHex(input ?? new Uint8Array()) }], fee);
  const receipt = await sender.send(call, options);
  const { jobId, deadline } = eventIn(sender.chain, receipt, "jobs", "Submitted").args;
  return { jobId, deadline: Number(deadline), receipt };
}
