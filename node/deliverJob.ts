import { traceTree } from "../protocol/dispute/defenderMove.ts";
import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import type { Program } from "../protocol/program/types.ts";
import { pathProof } from "../protocol/trees/merkle.ts";
import { commitJob, type CommitmentClaim } from "../runtime/chain/calls/commitJob.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Hasher } from "../runtime/hashing/createHasher.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { InputStore } from "../runtime/programs/createInputStore.ts";
import { loadInputs, type InputSources } from "../runtime/programs/loadInputs.ts";
import type { Programs } from "../runtime/programs/createPrograms.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";
import type { Announcer } from "./createAnnouncer.ts";
import { lieInside } from "./lieInside.ts";
import { tamper } from "./misbehaviour.ts";
import type { ExecutorOptions } from "./options.ts";

export interface RunDependencies extends InputSources {
  programs: Programs;
  hasher: Hasher;
  traces: TraceStore;
  inputs: Pick<InputStore, "get">;
}

export interface CommitDependencies {
  sender: Sender;
  announcer: Announcer;
  logger: Logger;
}

/** What is to be said on chain of a trace once it is on disk. The trace itself would fill the memory while the chain lets it wait. */
export interface Result {
  claim: CommitmentClaim;
  outputRoot: Hex;
  /** Resolves once a crash cannot lose the trace any more. */
  stored: Promise<void>;
}

/** Names the stored trace of one commitment. After a reorganisation another job may have the number, so program and input are part of it. */
export function traceKey({ id, attempt, programRoot, inputRoot }: Pick<Job, "id" | "attempt" | "programRoot" | "inputRoot">): string {
  return `${id}/${attempt}/${programRoot.slice(2, 18)}${inputRoot.slice(2, 18)}`;
}

/** Runs a claimed job, unless its trace is stored already. A small trace may still be on its way to the disk then, while the next job is run. */
export async function runJob(job: Job, options: Pick<ExecutorOptions, "misbehaviour">, dependencies: RunDependencies, signal: AbortSignal): Promise<Result> {
  const { programs, traces } = dependencies;
  const loaded = await programs.open(job.programRoot);
  if (loaded === undefined) throw new GainsayError("The bundle of a claimed job is gone; put it back before the delivery deadline.", { code: "BUNDLE_MISSING", details: { jobId: job.id, programRoot: job.programRoot } });
  let trace = await traces.get(traceKey(job));
  if (trace === undefined) {
    const inputs = (await dependencies.inputs.get(loaded.program, job)) ?? (await loadInputs(dependencies, loaded.program, job, signal)).inputs;
    const honest = await loaded.execute(inputs, signal);
    trace = options.misbehaviour === undefined ? honest : await tamper(loaded.program, await lieInside(loaded, honest, options.misbehaviour, dependencies.hasher), options.misbehaviour, dependencies.hasher);
    const { stored } = await traces.putBehind(traceKey(job), trace);
    honest.release?.();
    return resultOf(loaded.program, trace, stored);
  }
  return resultOf(loaded.program, trace, Promise.resolve());
}

/**
 * Commits to the trace of a claimed job, and tells who looks for it where it is. The trace is on disk before the commitment is sent, so that a crash in
 * between repeats the commitment of the same trace and never defends another one. Resolves to the block of the commitment, if it came to one.
 */
export async function commitResult(job: Job, { claim, outputRoot, stored }: Result, options: Pick<ExecutorOptions, "misbehaviour">, { sender, announcer, logger }: CommitDependencies, signal: AbortSignal): Promise<bigint | undefined> {
  await stored;
  let block: bigint;
  try {
    const { deadline, receipt } = await commitJob(sender, job.id, claim, { signal, deadline: job.deadline, digest: job.digest });
    logger.info({ jobId: job.id, attempt: job.attempt, traceRoot: claim.traceRoot, challengeableUntil: deadline }, "result committed");
    block = receipt.blockNumber;
  } catch (error) {
    // Committed before a crash, or taken away after the deadline: the ledger tells which.
    if (isRevert(error, "WrongStatus", "Unauthorized")) return undefined;
    throw error;
  }
  if (options.misbehaviour?.withhold !== true) announcer.keepAnnounced({ ...job, traceRoot: claim.traceRoot, outputRoot });
  return block;
}

function resultOf(program: Program, trace: Trace, stored: Promise<void>): Result {
  return { claim: commitmentOf(program, trace), outputRoot: trace.outputRoot, stored };
}

/** What the commitment transaction says of a trace. */
export function commitmentOf(program: Program, trace: Trace): CommitmentClaim {
  const tree = traceTree(trace.tensors);
  return {
    header: program.header,
    traceRoot: trace.traceRoot,
    outputRoots: trace.outputs.map((index) => (trace.tensors[index] as Trace["tensors"][number]).root),
    proofs: trace.outputs.map((index) => pathProof(tree, index)),
  };
}
