import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { domains } from "../../protocol/trees/domains.ts";
import type { ProviderBook } from "../announcements/createProviderBook.ts";
import type { Chain } from "../chain/createChain.ts";
import { readJobInput } from "../chain/reads/readJobInput.ts";
import type { Job } from "../chain/types.ts";
import type { Network } from "../network/createNetwork.ts";
import { fetchTensor } from "../serving/fetchTrace.ts";
import { inputLengths, splitInput } from "./splitInput.ts";

export interface InputSources {
  chain: Chain;
  network: Pick<Network, "blobs">;
  providers: Pick<ProviderBook, "providersOf">;
}

export interface LoadedInputs {
  /** The input tensors, hashed. */
  inputs: CommittedTensor[];
  /** They came from peers, who may be gone next time; what travelled with a submission can be read at any time. */
  isFromPeers: boolean;
}

/**
 * The input tensors of a job: from its submission, or from peers, verified against the job's input root.
 * Throws `INPUT_MISMATCH` if what was submitted is not what the root names, and what a blob fetch throws.
 */
export async function loadInputs({ chain, network, providers }: InputSources, program: Program, job: Job, signal: AbortSignal): Promise<LoadedInputs> {
  const submitted = await readJobInput(chain, job.id);
  if (submitted !== undefined) return { inputs: splitInput(program, submitted, job.inputRoot), isFromPeers: false };
  const peers = providers.providersOf(job.inputRoot);
  if (peers.length === 0) throw new GainsayError("Nobody is known who serves the input of the job.", { code: "INPUT_UNAVAILABLE", retryable: true, details: { jobId: job.id } });
  const lengths = inputLengths(program);
  const list = await network.blobs.fetch({ kind: "list", root: job.inputRoot, domain: domains.inputs }, peers, { signal, maxBytes: lengths.length * 32 });
  if (list.length !== lengths.length * 32) throw new GainsayError("The job's input does not have as many tensors as its program takes.", { code: "INPUT_MISMATCH", kind: "verification" });
  const tensors: CommittedTensor[] = [];
  for (const [i, length] of lengths.entries()) {
    try {
      tensors.push(await fetchTensor({ network, peers, signal }, toHex(list.subarray(i * 32, i * 32 + 32)), length));
    } catch (cause) {
      if (!(cause instanceof GainsayError && cause.code === "TRACE_UNFIT")) throw cause;
      throw new GainsayError("A tensor of the job's input does not have the length that its program takes.", { code: "INPUT_MISMATCH", kind: "verification", details: { input: i, wanted: length }, cause });
    }
  }
  return { inputs: tensors, isFromPeers: true };
}
