import type { TransactionReceipt } from "viem";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { recordOf } from "../reads/getJobRecord.ts";
import { eventIn } from "./eventIn.ts";

/** An executor's claim: the trace's list root, the outputs' tensor roots, and the path of each of these in the trace. */
export interface CommitmentClaim {
  header: ProgramHeader;
  traceRoot: Hex;
  outputRoots: readonly Hex[];
  proofs: readonly (readonly Uint8Array[])[];
}

/** Commits to a trace; `digest` as the ledger has it saves a look. Only the executor, until the delivery deadline. `deadline` is the last second for a challenge. */
export async function commitJob(sender: Sender, jobId: bigint, claim: CommitmentClaim, { digest, ...options }: SendOptions & { digest?: Hex } = {}): Promise<{ attempt: number; outputRoot: Hex; deadline: number; receipt: TransactionReceipt }> {
  const proofs = claim.proofs.map((proof) => proof.map(toHex));
  const { terms } = await recordOf(sender.chain, jobId, digest);
  const call = contractCall(sender.chain.deployment, "jobs", "commit", [jobId, terms, claim.header, claim.traceRoot, claim.outputRoots, proofs]);
  const receipt = await sender.send(call, options);
  const { attempt, outputRoot, deadline } = eventIn(sender.chain, receipt, "jobs", "Committed").args;
  return { attempt, outputRoot, deadline: Number(deadline), receipt };
}
