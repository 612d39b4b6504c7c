import type { LocalAccount } from "viem";
import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import type { Head } from "../runtime/chain/createChain.ts";
import { createBatcher } from "../runtime/chain/createBatcher.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { answerDispute } from "../runtime/disputes/answerDispute.ts";
import { blocksNeeded, defendDispute, isDefendersTurn } from "../runtime/disputes/defendDispute.ts";
import { byClock } from "../runtime/disputes/byClock.ts";
import { endDispute } from "../runtime/disputes/endDispute.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import { createSlots } from "../runtime/network/blobs/createSlots.ts";
import type { Parts } from "../runtime/parts.ts";
import type { InputStore } from "../runtime/programs/createInputStore.ts";
import { createExpansions, type ExpansionsOptions } from "../runtime/serving/createExpansions.ts";
import { traceSource } from "../runtime/serving/traceSource.ts";
import { createTasks } from "../runtime/tasks/createTasks.ts";
import { createAnnouncer } from "./createAnnouncer.ts";
import { checkOwnTrace } from "./checkOwnTrace.ts";
import { claimOpenJob } from "./claimOpenJob.ts";
import { commitResult, runJob, traceKey } from "./deliverJob.ts";
import { expireClaim } from "./expireClaim.ts";
import { finalizeCommitment } from "./finalizeCommitment.ts";
import { expandLying } from "./lieInside.ts";
import type { Misbehaviour } from "./misbehaviour.ts";
import type { ExecutorOptions } from "./options.ts";
import { pruneTraces } from "./pruneTraces.ts";
import type { TestMemory } from "./createTestMemory.ts";
import { selfTest } from "./selfTest.ts";

/** Commitments, finalizations and expiries that wait for the chain at once: two full batches. */
const STEPS_AT_ONCE = 64;
/** Claims at once, of which so many look at the inputs of their jobs and hold them. */
const CLAIMS_AT_ONCE = 64;
const INPUTS_AT_ONCE = 16;

/** Share of a turn's time, at its end, in which the executor answers with what it has, even if that is not what it committed to. */
const LAST_SHARE = 0.25;

/** Milliseconds for which a step counts as made although the ledger does not show it. */
const BELIEVED_MS = 5_000;

/** What an executor works with. */
export interface ExecutorDependencies extends Parts {
  account: LocalAccount;
  sender: Sender;
  /** Inputs of jobs that it claims, until their traces are stored. */
  inputs: InputStore;
  /** What has been judged sound at earlier starts; without it every start judges again. */
  tested?: TestMemory;
}

export interface Executor {
  /** Tests the kernels on every program that is served from the start. Throws `KERNEL_FAULT`, `BUNDLE_MISSING`. */
  prepare(signal: AbortSignal, onProgram?: (root: Hex) => void): Promise<Hex[]>;
  /** How many of its commitments can still be disputed or have to be settled; resolves once `run` has read the chain. */
  openCommitments(): Promise<number>;
  /** Programs that are served at the moment. */
  served(): Hex[];
  /** Works until `signal` aborts, then finishes what is at work. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Claims jobs of the programs that it serves, runs them, commits, serves their traces, defends them in disputes, and settles.
 * What there is to do follows from the ledger at every new head; nothing is remembered but traces and inputs on disk.
 */
export function createExecutor(options: ExecutorOptions, dependencies: ExecutorDependencies): Executor {
  const { sender, ledger, network, traces, inputs, logger } = dependencies;
  const tasks = createTasks({ concurrency: options.concurrency, backoffMs: 1_000, maxBackoffMs: 60_000 }, { logger });
  // After a restart there may be thousands of commitments to look at, which nobody waits for; one at a time leaves the rest to jobs that have a deadline.
  const checks = createTasks({ concurrency: 1, backoffMs: 1_000, maxBackoffMs: 60_000 }, { logger });
  const upkeep = createTasks({ concurrency: 1, backoffMs: 1_000, maxBackoffMs: 60_000 }, { logger });
  // Moves of a dispute must not wait behind inference.
  const urgent = createTasks({ concurrency: 16, backoffMs: 500, maxBackoffMs: 5_000 }, { logger });
  // What waits for the chain must not keep a place from what computes, nor from a dispute; it shares transactions.
  const steps = createTasks({ concurrency: STEPS_AT_ONCE, backoffMs: 1_000, maxBackoffMs: 60_000 }, { logger });
  const looks = createSlots(INPUTS_AT_ONCE);
  const claims = createTasks({ concurrency: CLAIMS_AT_ONCE, backoffMs: 1_000, maxBackoffMs: 60_000 }, { logger });
  const byBatch = { ...dependencies, sender: createBatcher(sender, { logger }) };
  const announcer = createAnnouncer(dependencies);
  const expansions = createExpansions(dependencies, options.misbehaviour === undefined ? {} : { expand: lyingExpansions(options.misbehaviour, dependencies) });
  const declined = new Set<bigint>();
  const refused = new Set<Hex>();
  const openSince = new Map<string, number>();
  const served = new Set<Hex>();
  /** Commitments that were made since the start, or whose traces have been compared with what this machine computes now. */
  const checked = new Set<string>();
  const { promise: chainRead, resolve: noteChainRead } = Promise.withResolvers<void>();
  const deliveries = dependencies.metrics?.histogram("delivery_seconds", "Time to run a claimed job and to commit to it, until the commitment is included.", [], [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]);
  /** The programs of the start have been tested; before that, a look for new ones would test them a second time. */
  let prepared = false;
  let lastPruned = 0;
  let lastListed = 0;
  /** Steps that were made, with their blocks: before the ledger has come that far, it shows them as still to be made. Not believed for long, since a reorganisation may take them back. */
  const made = new Map<string, { digest: Hex; block: bigint; at: number }>();
  const note = (step: string, { digest }: Job, block: bigint | undefined): void => void (block !== undefined && made.set(step, { digest, block, at: performance.now() }));
  const isAhead = (step: string, { digest }: Job, head: Head): boolean => {
    const known = made.get(step);
    return known !== undefined && known.digest === digest && known.block > head.number && performance.now() - known.at < BELIEVED_MS;
  };
  let highest = 0n;
  /** Seconds of the chain's clock at the last head. */
  let latest = 0;

  const isMine = (job: Job): boolean => job.executor?.toLowerCase() === sender.address.toLowerCase();
  const wants = (job: Job, head: Head): boolean =>
    served.has(job.programRoot) && !declined.has(job.id) && job.fee >= options.minFee && job.collateral <= options.maxCollateral && head.timestamp <= job.deadline && head.timestamp <= job.expiry;

  /** Serves a program once this machine's kernels have passed its test; one that fails is left alone until a restart. */
  const admit = async (root: Hex, signal: AbortSignal): Promise<void> => {
    const loaded = await dependencies.programs.open(root);
    if (loaded === undefined) throw new GainsayError(`There is no bundle of program ${root} in the data folder; compile the model first.`, { code: "BUNDLE_MISSING", kind: "usage", details: { root } });
    const { differing, recalled } = await selfTest(loaded, { signal, memory: dependencies.tested });
    served.add(root);
    logger.info({ program: root, differing, recalled }, "kernels tested, program served");
  };

  const admitNew = async (signal: AbortSignal): Promise<void> => {
    for (const root of await dependencies.programs.list()) {
      if (served.has(root) || refused.has(root)) continue;
      await admit(root, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        refused.add(root);
        logger.error({ program: root, reason: error instanceof Error ? error.message : String(error) }, "program not served");
      });
    }
  };

  const pending = (): number => [...ledger.jobs.values()].filter((job) => job.status === "claimed" && isMine(job)).length;

  /** Whether the job may have to be run here, now or after a claim. */
  const needsInput = (job: Job, timestamp: number): boolean => (job.status === "open" || (job.status === "claimed" && isMine(job))) && timestamp <= job.deadline;

  const release = async (done: Job): Promise<void> => {
    // Most inputs are on chain, and there is nothing to look for.
    if (!inputs.has(done)) return;
    const others = [...ledger.jobs.values()].filter(({ id, programRoot, inputRoot }) => id !== done.id && programRoot === done.programRoot && inputRoot === done.inputRoot);
    if (!others.some((job) => needsInput(job, latest))) await inputs.remove(done);
  };

  /** Claims under way, which will need room as those that are made do. */
  let claiming = 0;
  const claim = async (job: Job, signal: AbortSignal): Promise<void> => {
    const before = pending() + claiming++;
    note(`claim ${job.id}/${job.attempt}`, job, await claimOpenJob(job, { ...byBatch, looks, release, pending: before, decline: (id) => declined.add(id) }, signal).finally(() => claiming--));
  };

  const deliver = async (job: Job, key: string, signal: AbortSignal): Promise<void> => {
    checked.add(key);
    const started = performance.now();
    const result = await runJob(job, options, dependencies, signal);
    // From here on the trace has the input.
    result.stored.then(() => release(job)).catch((error: unknown) => logger.debug({ jobId: job.id, error }, "input of a job not removed yet"));
    steps.offer(`commit ${key}`, async (until) => {
      note(`commit ${key}`, job, await commitResult(job, result, options, { ...byBatch, announcer }, until));
      deliveries?.observe((performance.now() - started) / 1000);
    });
  };

  const workOnJob = (job: Job, head: Head): void => {
    const key = `${job.id}/${job.attempt}`;
    if (job.status === "open" && wants(job, head)) {
      const since = openSince.get(key) ?? head.timestamp;
      openSince.set(key, since);
      if (head.timestamp - since >= options.claimDelaySeconds && !isAhead(`claim ${key}`, job, head)) claims.offer(`claim ${key}`, (signal) => claim(job, signal));
      return;
    }
    openSince.delete(key);
    if (job.status === "claimed" && isMine(job) && head.timestamp <= job.deadline) {
      if (!steps.busy(`commit ${key}`) && !isAhead(`commit ${key}`, job, head)) tasks.offer(`deliver ${key}`, (signal) => deliver(job, key, signal), job.deadline);
    }
    // A job that somebody claimed and left is worth a small transaction to whoever wants it.
    else if (job.status === "claimed" && !isMine(job) && head.timestamp > job.deadline && served.has(job.programRoot) && !declined.has(job.id)) steps.offer(`expire ${key}`, (signal) => expireClaim(job, byBatch, signal));
    else if (job.status === "committed" && isMine(job)) {
      // A liar's trace is not what its machine computes.
      if (!checked.has(key) && options.misbehaviour === undefined) {
        checks.offer(`check ${key}`, async (signal) => {
          await checkOwnTrace(job, dependencies, signal);
          checked.add(key);
        }, job.deadline);
      }
      if (options.misbehaviour?.withhold !== true) announcer.keepAnnounced(job);
      if (head.timestamp > job.deadline && job.openDisputes === 0 && !isAhead(`finalize ${key}`, job, head)) steps.offer(`finalize ${key}`, async (signal) => note(`finalize ${key}`, job, await finalizeCommitment(job, byBatch, signal)));
    }
  };

  const workOnDispute = (dispute: Dispute, head: Head): void => {
    const job = ledger.jobs.get(dispute.jobId);
    if (job === undefined || !isMine(job) || job.status !== "committed" || job.attempt !== dispute.attempt || dispute.phase === "ended") return;
    if (head.timestamp > dispute.deadline) {
      if (!isDefendersTurn(dispute)) urgent.offer(`end dispute ${dispute.id}`, (signal) => endDispute(sender, dispute, signal));
    } else if (isDefendersTurn(dispute)) {
      urgent.offer(`defend ${dispute.id}/${dispute.turn}`, async (signal) => {
        const trace = await traces.get(traceKey(job));
        // What a move says is true of this trace alone.
        if (trace === undefined || trace.traceRoot !== job.traceRoot) return logger.error({ jobId: job.id, disputeId: dispute.id }, "trace of a disputed commitment is not here");
        const transaction = await defend(dispute, job, trace, head, signal);
        if (transaction !== undefined) logger.info({ disputeId: dispute.id, turn: dispute.turn, phase: dispute.phase, transaction }, "answered dispute");
      });
    }
  };

  const defend = async (dispute: Dispute, job: Job, trace: Trace, head: Head, signal: AbortSignal): Promise<Hex | undefined> => {
    const loaded = await dependencies.programs.open(job.programRoot);
    if (loaded === undefined) throw new GainsayError("The bundle of a disputed job's program is not in the data folder; copy it there before the clock runs out.", { code: "BUNDLE_MISSING", retryable: true, details: { jobId: job.id, programRoot: job.programRoot } });
    const inner = new Map<number, readonly CommittedTensor[]>();
    for (const block of blocksNeeded(loaded.program, dispute)) {
      const { tensors, strayed } = await expansions.of(trace, block);
      // It would be a statement that cannot be taken back and does not lead to what was committed. A restart with the former options may still come; at the end, it is better than nothing.
      if (strayed === true && head.timestamp < dispute.deadline - (dispute.deadline - dispute.turnStart) * LAST_SHARE) {
        throw new GainsayError("This machine computes other floats than a disputed commitment of its own has; start the executor again with the provider, the threads, the level and the version of ONNX Runtime of that time, before the clock of the dispute runs out.", { code: "EXPANSION_STRAYED", retryable: true, details: { jobId: job.id, disputeId: dispute.id, block, deadline: dispute.deadline } });
      }
      inner.set(block, tensors);
    }
    const tensors = { inputs: trace.inputs, trace: trace.tensors, inner: (block: number) => inner.get(block), weight: await loaded.weights() };
    return dispute.phase === "answer" ? answerDispute(sender, dispute, loaded.program, tensors, signal) : defendDispute(sender, dispute, job.digest, tensors, signal);
  };

  /** Forgets the inputs of jobs that others have, or that are over. */
  const removeInputs = async (): Promise<void> => {
    const removed = await inputs.keepOnly([...ledger.jobs.values()].filter((job) => needsInput(job, latest)));
    if (removed > 0) logger.info({ removed }, "inputs removed that no job needs");
  };

  const onHead = (head: Head): void => {
    noteChainRead();
    // A reorganisation may have taken steps back.
    if (head.number < highest) made.clear();
    highest = head.number;
    latest = head.timestamp;
    for (const dispute of byClock(ledger.disputes.values())) workOnDispute(dispute, head);
    for (const job of ledger.jobs.values()) workOnJob(job, head);
    if (options.programs.length === 0 && prepared && head.timestamp - lastListed >= 10) {
      lastListed = head.timestamp;
      upkeep.offer("look for new programs", admitNew);
    }
    if (head.timestamp - lastPruned >= 60) {
      lastPruned = head.timestamp;
      for (const id of declined) if (!ledger.jobs.has(id)) declined.delete(id);
      for (const kept of [openSince, checked]) for (const key of kept.keys()) if (!ledger.jobs.has(BigInt(key.split("/", 1)[0] ?? 0))) kept.delete(key);
      for (const [step, { at }] of made) if (performance.now() - at >= BELIEVED_MS) made.delete(step);
      announcer.forget((id) => !ledger.jobs.has(id));
      upkeep.offer("remove inputs", removeInputs);
      upkeep.offer("prune traces", () => pruneTraces(head, options.retainSeconds, dependencies));
    }
  };

  return {
    async prepare(signal, onProgram = () => undefined) {
      for (const root of options.programs.length > 0 ? options.programs : await dependencies.programs.list()) {
        onProgram(root);
        await admit(root, signal);
      }
      prepared = true;
      return [...served];
    },
    served: () => [...served],
    async openCommitments() {
      await chainRead;
      return [...ledger.jobs.values()].filter((job) => isMine(job) && job.status === "committed").length;
    },
    async run(signal) {
      const stops = options.misbehaviour?.withhold === true ? [] : [traceSource(traces), expansions.source].map((source) => network.blobs.serve(source));
      const stopAnnouncing = network.onPeer(({ connected }) => connected && announcer.announceAgain());
      logger.info({ account: sender.address, programs: [...served] }, "executor started");
      try {
        await ledger.run(onHead, signal);
      } finally {
        stopAnnouncing();
        for (const stop of stops) stop();
        await Promise.all([tasks, checks, upkeep, urgent, steps, claims].map((one) => one.stop()));
        logger.info({}, "executor stopped");
      }
    },
  };
}

/** How an executor that was told to lie expands its blocks. */
function lyingExpansions(misbehaviour: Misbehaviour, { programs, hasher }: Pick<ExecutorDependencies, "programs" | "hasher">): NonNullable<ExpansionsOptions["expand"]> {
  return async (trace, blockIndex) => {
    const loaded = await programs.open(trace.programRoot);
    if (loaded === undefined) throw new GainsayError("The bundle of a stored trace is not in the data folder; copy it there.", { code: "BUNDLE_MISSING", retryable: true, details: { programRoot: trace.programRoot } });
    return expandLying(loaded, trace, blockIndex, misbehaviour, hasher);
  };
}
