import type { Hex } from "../protocol/hex.ts";
import { openDispute } from "../runtime/chain/calls/openDispute.ts";
import type { Head } from "../runtime/chain/createChain.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getDispute } from "../runtime/chain/reads/getDispute.ts";
import { readJobDisputes } from "../runtime/chain/reads/readJobEvents.ts";
import { getParameters } from "../runtime/chain/reads/getParameters.ts";
import { bisectionGas, checkDisputeFunds } from "../runtime/disputes/disputeFunds.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { isDefendersTurn } from "../runtime/disputes/defendDispute.ts";
import { byClock } from "../runtime/disputes/byClock.ts";
import { endDispute, reclaimBond } from "../runtime/disputes/endDispute.ts";
import { traceSource } from "../runtime/serving/traceSource.ts";
import { createTasks } from "../runtime/tasks/createTasks.ts";
import { describeFinding } from "../runtime/verification/checkTrace.ts";
import { createAlarm, type Alarm } from "./createAlarm.ts";
import { createSampler } from "./createSampler.ts";
import { createWatcherMeter } from "./createWatcherMeter.ts";
import { defendOther } from "./defendOther.ts";
import { openDemand } from "./demandTrace.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { openInside, openRefutation, reopenRefutation } from "./openRefutation.ts";
import { isLostToClock } from "./isLostToClock.ts";
import type { WatcherOptions } from "./options.ts";
import { keepTrace, ownExecution } from "./ownTrace.ts";
import { playDispute } from "./playDispute.ts";
import { postedKey, postedTrace } from "./postedTrace.ts";
import { pruneCases } from "./pruneCases.ts";
import { verifyCommitment, type Opinion } from "./verifyCommitment.ts";
import { withheldFrom } from "./withheldFrom.ts";

/** Seconds between two requests for the same trace. */
const SECONDS_BETWEEN_REQUESTS = 2;
/** The same once it counts as withheld and no dispute is about it: it may yet appear, and then it can be judged. */
const SECONDS_BETWEEN_LATE_REQUESTS = 10;
/** Seconds between two tries to open a dispute, at most: whoever was short of money has sent some by then. */
const MAX_SECONDS_BETWEEN_OPENINGS = 60;

type CommittedJob = Job & { traceRoot: Hex };
type Withheld = Extract<Opinion, { kind: "withheld" }>;

export interface Watcher {
  /** Works until `signal` aborts, then finishes what is at work. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Re-executes every committed job whose program it has, disputes what is wrong, plays its disputes to the end, and defends honest
 * commitments whose executor is away. What there is to do follows from the ledger at every new head.
 */
export function createWatcher(options: WatcherOptions, dependencies: WatcherDependencies): Watcher {
  const { ledger, network, traces, logger, sender } = dependencies;
  const checks = createTasks({ concurrency: options.concurrency, backoffMs: 1_000, maxBackoffMs: 5_000 }, { logger });
  const moves = createTasks({ concurrency: 16, backoffMs: 500, maxBackoffMs: 5_000 }, { logger });
  /** By commitment: after a reorganisation another one may stand in the same attempt. */
  const opinions = new Map<string, Opinion["kind"]>();
  const keyOf = (job: CommittedJob): string => `${job.id}/${job.attempt}/${job.traceRoot}`;
  /** Commitments against which a dispute was opened. */
  const disputed = new Set<string>();
  /** What others were warned of, once, however often the dispute about it could not be opened. */
  const warned = new Set<string>();
  /** How often that was tried in vain. */
  const failedOpenings = new Map<string, number>();
  /** Since when a trace has been asked for in vain. */
  const askedSince = new Map<string, number>();
  /** When to ask again for a trace that was not to be had, or to open a dispute again, by the chain's clock. */
  const askAgainAt = new Map<string, number>();
  /** Own disputes without a move that could win: only their clock is left to run out. */
  const lost = new Set<string>();
  /** Own disputes whose clock ran out. */
  const lateFor = new Set<bigint>();
  const turnOf = ({ id, turn, turnStart }: Dispute): string => `${id}/${turn}/${turnStart}`;
  const isLost = (id: bigint): boolean => [...lost].some((key) => key.startsWith(`${id}/`));
  /** Executors whose floats have been this watcher's, by program. A restart forgets them; the demands that follow need no equal floats. */
  const equals = new Set<string>();
  const isSampled = createSampler(options.sampleRate ?? 1);
  const meter = createWatcherMeter(dependencies.metrics);
  const skipped = new Set<string>();
  const executionOf = (job: Job): string => `${job.executor?.toLowerCase()}/${job.programRoot}`;
  let lastPruned = 0;
  let alarm: Alarm = { raise: async () => undefined, stop: () => undefined };

  const isOwn = (dispute: Dispute): boolean => sender !== undefined && dispute.challenger.toLowerCase() === sender.address.toLowerCase();
  /** Nothing that the challenger does can change it any more. */
  const isOver = (dispute: Dispute, head: Head): boolean => dispute.phase === "ended" || isLostToClock(dispute, head.timestamp);
  const isDisputedByMe = (job: Job, head: Head): boolean => [...ledger.disputes.values()].some((dispute) => isOwn(dispute) && !isOver(dispute, head) && dispute.jobId === job.id && dispute.attempt === job.attempt);

  /** Warns of a commitment once for each reason. */
  const warn = async (job: CommittedJob, reason: "FRAUD" | "WITHHELD", step?: number): Promise<void> => {
    if (options.mode === "observe" || warned.has(`${keyOf(job)}/${reason}`)) return;
    await alarm.raise(job, reason, step);
    warned.add(`${keyOf(job)}/${reason}`);
  };

  /** Opens a dispute; after a failure the next check waits, longer each time, but not so long that little is left of the window. */
  const opening = async <T>(job: CommittedJob, head: Head, open: () => Promise<T>): Promise<T> => {
    const key = keyOf(job);
    try {
      const opened = await open();
      if (opened !== false) failedOpenings.delete(key);
      return opened;
    } catch (error) {
      const failures = (failedOpenings.get(key) ?? 0) + 1;
      failedOpenings.set(key, failures);
      askAgainAt.set(key, head.timestamp + Math.min(2 ** failures, MAX_SECONDS_BETWEEN_OPENINGS, Math.floor(Math.max(0, job.deadline - head.timestamp) / 8)));
      throw error;
    }
  };

  const check = async (job: CommittedJob, head: Head, signal: AbortSignal): Promise<void> => {
    const key = keyOf(job);
    const started = performance.now();
    if (sender !== undefined && failedOpenings.has(key) && warned.has(`${key}/FRAUD`) && (await opening(job, head, () => reopenRefutation(job, sender, dependencies, signal)))) {
      disputed.add(key);
      meter.opinion("fraud", (performance.now() - started) / 1000);
      opinions.set(key, "fraud");
      return;
    }
    const opinion = await verifyCommitment(job, dependencies, signal, options.tolerance);
    const fields = { jobId: job.id, attempt: job.attempt, ms: Math.round(performance.now() - started) };
    if (opinion.kind === "withheld") {
      const since = askedSince.get(key) ?? head.timestamp;
      askedSince.set(key, since);
      const from = withheldFrom(job, options.patienceSeconds, { since, answered: opinion.answered });
      if (head.timestamp < from) {
        askAgainAt.set(key, Math.min(head.timestamp + SECONDS_BETWEEN_REQUESTS, from));
        return logger.debug({ ...fields, reason: opinion.reason }, "trace not available yet");
      }
      const later = head.timestamp + SECONDS_BETWEEN_LATE_REQUESTS;
      if (opinions.get(key) === "withheld") return void askAgainAt.set(key, later);
      logger.warn({ ...fields, reason: opinion.reason }, "trace withheld, and its root is not the own one");
      await warn(job, "WITHHELD");
      if (options.mode === "dispute" && sender !== undefined) {
        if (await opening(job, head, () => disputeWithheld(job, opinion, sender, signal))) disputed.add(key);
      }
      if (!disputed.has(key)) askAgainAt.set(key, later);
    } else if (opinion.kind === "fraud") {
      logger.warn({ ...fields, ...describeFinding(opinion.finding) }, "fraud found");
      await warn(job, "FRAUD", opinion.finding.stepIndex);
      if (options.mode === "dispute" && sender !== undefined) {
        await opening(job, head, () => openRefutation(job, opinion, sender, dependencies, signal));
        disputed.add(key);
      }
    } else {
      // With other floats only the executor's own trace defends it.
      if (opinion.kind === "sound" && options.defendOthers && options.mode === "dispute" && sender !== undefined) await keepTrace(postedKey(job), postedTrace(job, opinion.own, opinion.trace), dependencies);
      logger.info({ ...fields, ...(opinion.kind === "sound" ? { differing: opinion.differing, judged: opinion.judged, opened: opinion.opened } : {}), path: opinion.kind === "equal" ? "equal roots" : "blocks recomputed" }, "commitment verified");
    }
    meter.opinion(opinion.kind, (performance.now() - started) / 1000);
    if (opinion.kind === "equal") equals.add(executionOf(job));
    opinions.set(key, opinion.kind);
  };

  /** Whether a dispute was opened. */
  const disputeWithheld = async (job: CommittedJob, { inside }: Withheld, by: Sender, signal: AbortSignal): Promise<boolean> => {
    const { onWithheld } = options;
    if (onWithheld === "alert") return false;
    if (onWithheld !== "bisect" && !(onWithheld === "auto" && equals.has(executionOf(job)))) return openDemand(job, by, options.demandBudget, dependencies, signal);
    if (inside !== undefined) await openInside(job, inside, by, dependencies, signal);
    else await bisect(job, by, signal);
    return true;
  };

  const bisect = async (job: CommittedJob, by: Sender, signal: AbortSignal): Promise<void> => {
    const { rules } = await getParameters(dependencies.chain);
    const { loaded, tensors } = await ownExecution(job, dependencies, signal);
    await checkDisputeFunds(dependencies.chain, by.address, { bonds: rules.bond, gas: bisectionGas(loaded.program, tensors) });
    const { disputeId, receipt } = await openDispute(by, { jobId: job.id, digest: job.digest, bond: rules.bond }, { signal, deadline: job.deadline });
    logger.info({ jobId: job.id, disputeId, transaction: receipt.transactionHash }, "dispute opened by bisection");
  };

  const workOnJob = (job: Job, head: Head): void => {
    if (job.status !== "committed" || job.traceRoot === undefined || head.timestamp > job.deadline) return;
    const committed: CommittedJob = { ...job, traceRoot: job.traceRoot };
    const key = keyOf(committed);
    if (head.timestamp < (askAgainAt.get(key) ?? 0)) return;
    if (isDisputedByMe(job, head)) return;
    if (!isSampled(key)) return skip(key);
    if (isUnsettled(key)) checks.offer(`check ${job.id}/${job.attempt}`, (signal) => check(committed, head, signal), job.deadline);
    else if (disputed.has(key)) checks.offer(`look for the dispute of ${job.id}/${job.attempt}`, () => checkAgainIfGone(committed, head));
  };

  /** Without an opinion, or with one that a trace which appears late would change. */
  const isUnsettled = (key: string): boolean => !opinions.has(key) || (opinions.get(key) === "withheld" && !disputed.has(key));

  const skip = (key: string): void => {
    if (skipped.has(key)) return;
    skipped.add(key);
    meter.skipped();
  };

  /** Commitments that can be disputed and have not been judged, whatever keeps them. */
  const unverified = (head: Head): Job[] =>
    [...ledger.jobs.values()].filter((job) => job.status === "committed" && job.traceRoot !== undefined && head.timestamp <= job.deadline && !opinions.has(keyOf(job as CommittedJob)) && !isDisputedByMe(job, head) && isSampled(keyOf(job as CommittedJob)));

  /** A reorganisation can take the opening of a dispute away for good; and a clock that ran out while the chain could not be reached says nothing about a fraud that was found. */
  const checkAgainIfGone = async (job: CommittedJob, head: Head): Promise<void> => {
    const account = sender?.address.toLowerCase();
    const opened = (await readJobDisputes(dependencies.chain, job.id)).filter(({ args }) => args.attempt === job.attempt && args.challenger.toLowerCase() === account);
    if (opened.length > 0) {
      if (opinions.get(keyOf(job)) !== "fraud") return;
      const disputes = await Promise.all(opened.map(({ args }) => getDispute(dependencies.chain, args.disputeId)));
      if (disputes.some((dispute) => isLost(dispute.id) || !isLostToClock(dispute, head.timestamp))) return;
    }
    logger.warn({ jobId: job.id, attempt: job.attempt }, opened.length > 0 ? "own dispute was lost to the clock, and the wrong result stands: disputed again" : "own dispute is gone from the chain");
    disputed.delete(keyOf(job));
    opinions.delete(keyOf(job));
  };

  const workOnDispute = (dispute: Dispute, head: Head): void => {
    const job = ledger.jobs.get(dispute.jobId);
    if (dispute.phase === "ended" || sender === undefined || options.mode !== "dispute") return;
    // The job is over for so long that it is not followed any more: so is this dispute, but for its bond.
    if (job === undefined) return isOwn(dispute) ? moves.offer(`reclaim ${dispute.id}`, (signal) => reclaimBond(sender, dispute, signal)) : undefined;
    const stands = job.status === "committed" && job.attempt === dispute.attempt && job.traceRoot !== undefined;
    if (isOwn(dispute)) {
      const committed = { ...job, traceRoot: job.traceRoot as Hex };
      if (!stands) moves.offer(`reclaim ${dispute.id}`, (signal) => reclaimBond(sender, dispute, signal));
      else if (isDefendersTurn(dispute)) {
        if (head.timestamp > dispute.deadline) moves.offer(`end ${dispute.id}`, (signal) => endDispute(sender, dispute, signal));
      } else if (isLostToClock(dispute, head.timestamp)) {
        if (!isLost(dispute.id) && !lateFor.has(dispute.id)) {
          lateFor.add(dispute.id);
          logger.error({ disputeId: dispute.id, jobId: dispute.jobId, bond: dispute.bond }, "own clock ran out before the move was made, and the bond is lost");
          dependencies.webhook?.post("dispute lost", { disputeId: dispute.id, jobId: dispute.jobId, bond: dispute.bond });
        }
      } else if (!lost.has(turnOf(dispute)) && (head.timestamp > dispute.turnStart || dispute.seal === undefined)) {
        moves.offer(`play ${dispute.id}/${dispute.turn}`, async (signal) => {
          if ((await playDispute(committed, dispute, sender, dependencies, options.demandBudget, signal)) === "lost") {
            lost.add(turnOf(dispute));
            dependencies.webhook?.post("dispute lost", { disputeId: dispute.id, jobId: dispute.jobId, bond: dispute.bond });
          }
        });
      }
    } else if (options.defendOthers && stands && isDefendersTurn(dispute) && dispute.phase !== "expand") {
      const committed = { ...job, traceRoot: job.traceRoot as Hex };
      const opinion = opinions.get(keyOf(committed));
      if (opinion !== "equal" && opinion !== "sound") return;
      // The executor moves first; only when half of its time is gone does somebody else pay for the move.
      if (head.timestamp <= dispute.deadline && head.timestamp > (dispute.turnStart + dispute.deadline) / 2) {
        moves.offer(`defend ${dispute.id}/${dispute.turn}`, (signal) => defendOther(committed, dispute, opinion, sender, dependencies, signal));
      }
    }
  };

  /** What is kept for a job goes when the ledger has forgotten it, a good while after its end. */
  const forgetEnded = (): void => {
    const isGone = (key: string): boolean => !ledger.jobs.has(BigInt(key.split("/", 1)[0] ?? 0));
    for (const kept of [opinions, warned, failedOpenings, askedSince, askAgainAt, disputed, skipped]) for (const key of kept.keys()) if (isGone(key)) kept.delete(key);
    for (const id of lateFor) if (!ledger.disputes.has(id)) lateFor.delete(id);
    for (const key of lost) if (!ledger.disputes.has(BigInt(key.split("/", 1)[0] ?? 0))) lost.delete(key);
  };

  const onHead = (head: Head): void => {
    // After a restart everything is to be done at once, and one account makes one move after another.
    for (const dispute of byClock(ledger.disputes.values())) workOnDispute(dispute, head);
    for (const job of ledger.jobs.values()) workOnJob(job, head);
    meter.unverified(unverified(head), head.timestamp);
    if (head.timestamp - lastPruned >= 60) {
      lastPruned = head.timestamp;
      forgetEnded();
      checks.offer("prune", () => pruneCases(dependencies));
    }
  };

  return {
    async run(signal) {
      alarm = createAlarm(dependencies.account, dependencies);
      const stopServing = network.blobs.serve(traceSource(traces));
      logger.info({ account: sender?.address, mode: options.mode, programs: await dependencies.programs.list() }, "watcher started");
      try {
        await ledger.run(onHead, signal);
      } finally {
        stopServing();
        alarm.stop();
        await Promise.all([checks.stop(), moves.stop()]);
        logger.info({}, "watcher stopped");
      }
    },
  };
}
