import { availableParallelism } from "node:os";
import path from "node:path";
import { GainsayError } from "../protocol/errors.ts";
import { toHex, type Hex } from "../protocol/hex.ts";
import type { Program } from "../protocol/program/types.ts";
import { tensorRoot } from "../protocol/trees/tensorTree.ts";
import { readBundle } from "../runtime/bundle/readBundle.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import { readCommitment } from "../runtime/chain/reads/readJobEvents.ts";
import type { Job } from "../runtime/chain/types.ts";
import { createHasher } from "../runtime/hashing/createHasher.ts";
import { createInference } from "../runtime/inference/createInference.ts";
import { tensorByteLength } from "../runtime/inference/tensorTypes.ts";
import { createPrograms } from "../runtime/programs/createPrograms.ts";
import type { Context } from "./context.ts";
import { findInputs } from "./jobInputs.ts";
import { openPeers, type Peers } from "./peers.ts";
import { pause } from "./pause.ts";
import { createTensorFiles } from "./tensorFiles.ts";

/** Where the bytes of an output came from; each source is checked against the root on chain. */
export type OutputSource = "local" | "peers" | "recomputed";

export interface CommittedOutput {
  /** Tensor root that the commitment names. */
  root: Hex;
  /** Bytes of the trace tensor that holds the output. */
  bytes: Uint8Array;
  source: OutputSource;
}

export interface OutputOptions {
  peers: readonly string[];
  /** Seconds to look for peers that have them. */
  peerTimeout: number;
}

/** The commitment of a job's standing attempt as its event tells it. Throws `JOB_NOT_COMMITTED` (exit code 75). */
export async function standingCommitment(chain: Chain, job: Job): Promise<NonNullable<Awaited<ReturnType<typeof readCommitment>>>> {
  const commitment = job.traceRoot === undefined ? undefined : await readCommitment(chain, job.id, job.attempt);
  if (commitment !== undefined) return commitment;
  throw new GainsayError(`Job ${job.id} has no result yet: it is ${job.status}; wait for it with \`gainsay job wait ${job.id}\`.`, { code: "JOB_NOT_COMMITTED", retryable: true, details: { jobId: job.id, status: job.status } });
}

/** Refuses a job that can still change, unless `provisional`. Throws `JOB_NOT_FINAL` (exit code 75), `JOB_CANCELLED`. */
export function requireFinal(job: Job, provisional: boolean): void {
  if (job.status === "cancelled") throw new GainsayError(`Job ${job.id} was cancelled; it has no result.`, { code: "JOB_CANCELLED", details: { jobId: job.id } });
  if (job.status === "final" || provisional) return;
  throw new GainsayError(`Job ${job.id} is not final but ${job.status}; wait for it with \`gainsay job wait ${job.id}\`${job.status === "committed" ? ", or take what was committed with --provisional" : ""}.`, {
    code: "JOB_NOT_FINAL",
    retryable: true,
    details: { jobId: job.id, status: job.status },
  });
}

/** The program of a job, from its bundle in this home. Throws `PROGRAM_NOT_HERE`. */
export async function programOf(context: Context, job: Job): Promise<Program> {
  try {
    return (await readBundle(path.join(context.paths.bundles, job.programRoot))).program;
  } catch (error) {
    if (!(error instanceof GainsayError) || error.code !== "BUNDLE_MISSING") throw error;
    throw new GainsayError(`The bundle of program ${job.programRoot} is not in this home; compile its model with \`gainsay model compile\`.`, { code: "PROGRAM_NOT_HERE", kind: "usage", details: { programRoot: job.programRoot } });
  }
}

/**
 * The outputs that a commitment names: from this home, else from peers, else computed again here; kept in this home afterwards.
 * Whatever the source, the bytes hash to the roots on chain. Throws `OUTPUT_UNAVAILABLE` (exit code 75).
 */
export async function loadOutputs(context: Context, job: Job, program: Program, roots: readonly Hex[], options: OutputOptions): Promise<CommittedOutput[]> {
  const files = createTensorFiles(context.paths.jobs);
  const found = new Map<Hex, CommittedOutput>();
  for (const root of roots) {
    const bytes = await files.read("tensor", root);
    if (bytes !== undefined) found.set(root, { root, bytes, source: "local" });
  }
  const missing = (): Hex[] => roots.filter((root) => !found.has(root));
  const take = async (bytes: Uint8Array, source: OutputSource): Promise<void> => {
    const root = await files.writeTensor(bytes);
    found.set(root, { root, bytes, source });
  };
  let peers: Peers | undefined;
  if (missing().length > 0) {
    peers = await openPeers(context, { peers: options.peers, listen: false });
    const lengths = new Map(roots.map((root, k) => [root, outputLength(program, k)]));
    await fetchAll(context, peers, job, missing, (root) => lengths.get(root) as number, (bytes) => take(bytes, "peers"), options.peerTimeout);
  }
  if (missing().length > 0) for (const bytes of await recompute(context, job, peers)) if (roots.includes(toHex(tensorRoot(bytes)))) await take(bytes, "recomputed");
  if (missing().length > 0) {
    throw new GainsayError("Nobody was found who has the result, and computing it here did not give the same bytes; name an executor with --peer, or try again later.", {
      code: "OUTPUT_UNAVAILABLE",
      retryable: true,
      details: { jobId: job.id, missing: missing(), peers: peers?.network.peers() ?? [] },
    });
  }
  return roots.map((root) => found.get(root) as CommittedOutput);
}

function outputLength(program: Program, k: number): number {
  const tensor = program.trace[program.outputs[k]?.trace ?? -1];
  return tensor === undefined ? 0 : tensorByteLength(tensor.dtype, tensor.shape);
}

async function fetchAll(context: Context, peers: Peers, job: Job, missing: () => Hex[], lengthOf: (root: Hex) => number, take: (bytes: Uint8Array) => Promise<void>, seconds: number): Promise<void> {
  const { signal, progress, logger } = context;
  const end = Date.now() + seconds * 1000;
  let asked = "";
  for (;;) {
    const holders = job.outputRoot === undefined ? [] : peers.holdersOf(job.outputRoot);
    // Without an address to begin with, nobody can ever be heard.
    if (holders.length === 0) return;
    if (holders.join() !== asked) {
      asked = holders.join();
      progress.update(`asking ${holders.length} ${holders.length === 1 ? "peer" : "peers"} for the result`);
      for (const root of missing()) {
        await peers.network.blobs.fetch({ kind: "tensor", root }, holders, { signal, maxBytes: lengthOf(root) }).then(take, (error: unknown) => {
          if (!(error instanceof GainsayError) || error.code === "ABORTED") throw error;
          logger.debug({ root, error }, "output not fetched");
        });
      }
    }
    if (missing().length === 0 || Date.now() >= end) return;
    await pause(200, signal);
  }
}

/** Runs the program on the job's inputs; nothing if the inputs or the run are not to be had. */
async function recompute(context: Context, job: Job, peers: Peers | undefined): Promise<Uint8Array[]> {
  const { settings, paths, logger, output, progress, signal } = context;
  const hasher = createHasher();
  const inference = createInference({ provider: settings.executionProvider, threads: settings.threads === 0 ? availableParallelism() : settings.threads, optimization: "all" }, { logger });
  progress.update("computing the result again");
  try {
    const program = await createPrograms([paths.bundles], { inference, hasher }).open(job.programRoot);
    const inputs = program === undefined ? undefined : await findInputs(context, job, program.program, peers);
    if (program === undefined || inputs === undefined) return [];
    hasher.start();
    const trace = await program.execute(inputs, signal);
    return trace.outputs.map((index) => (trace.tensors[index] as { bytes: Uint8Array }).bytes);
  } catch (error) {
    if (!(error instanceof GainsayError) || signal.aborted) throw error;
    output.note(`The result could not be computed here: ${error.message}`);
    return [];
  } finally {
    await Promise.all([inference.stop(), hasher.stop()]);
  }
}
