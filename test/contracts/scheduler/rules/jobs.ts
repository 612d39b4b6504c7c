import type { JobCall, Party } from "./calls.ts";
import { credit, lock, penaltyOf, sharesOf, unlock } from "./money.ts";
import { need } from "./refuse.ts";
import type { Job, JobStatus, Setting, State } from "./state.ts";

const maxAttempts = 64;

/** The life of the one job (contracts.md, "A job"): a step is in time while now ≤ deadline, what follows a missed one comes later. */
export function playJob(state: State, setting: Setting, call: JobCall): void {
  const { job, now } = state;
  if (call.move === "submit") {
    need(call.payment === 0n, "WrongValue");
    Object.assign(job, { status: "open", requester: call.by, expiry: now + setting.lifetime, attempt: 1 });
    job.deadline = Math.min(now + setting.claimWindow, job.expiry);
    return;
  }
  need(job.status !== "none", "UnknownJob");
  switch (call.move) {
    case "claim":
      inStatus(job, "open", call.record);
      need(now <= job.deadline, "DeadlinePassed");
      need(job.reopenedAt !== now, "JustReopened");
      need(!job.barred.includes(call.by), "BarredFromJob");
      lock(state, call.by, setting.collateral);
      Object.assign(job, { status: "claimed", executor: call.by, deadline: now + setting.deliveryWindow });
      return;
    case "commit":
      inStatus(job, "claimed", call.record);
      need(job.executor === call.by, "Unauthorized");
      need(now <= job.deadline, "DeadlinePassed");
      Object.assign(job, { status: "committed", commitment: call.commitment, unfolded: false, deadline: now + setting.challengeWindow });
      return;
    case "expire":
      inStatus(job, "claimed", call.record);
      need(now > job.deadline, "DeadlineNotPassed");
      missDelivery(state, setting, executorOf(job));
      return;
    case "cancel":
      inStatus(job, "open", call.record);
      need(call.by === job.requester || now > job.deadline, "Unauthorized");
      cancel(state, setting);
      return;
    case "unfold":
      if (job.status === "committed" && job.unfolded) return;
      inStatus(job, "committed", call.record);
      job.unfolded = true;
      return;
    case "finalize":
      inStatus(job, "committed", call.record);
      need(now > job.deadline, "DeadlineNotPassed");
      need(openDisputes(state) === 0, "DisputesOpen");
      job.status = "final";
      credit(state, executorOf(job), setting.fee);
      unlock(state, executorOf(job), setting.collateral);
      return;
    case "deliver":
      inStatus(job, "final", call.record);
      // No job here names a consumer.
      need(false, "NoConsumer");
  }
}

/** The disputes that keep a commitment from becoming final: those against it that have not ended. */
export function openDisputes(state: State): number {
  return state.disputes.filter((dispute) => dispute.phase !== "ended" && dispute.attempt === state.job.attempt).length;
}

/** Slashes the executor of the standing commitment for `challenger`, bars it, and opens the job for the next attempt. */
export function convict(state: State, setting: Setting, challenger: Party): void {
  const { job } = state;
  const executor = executorOf(job);
  const { reward, compensation, burnt } = sharesOf(setting.collateral, setting.rewardCap);
  state.accounts[executor].locked -= setting.collateral;
  credit(state, challenger, reward);
  credit(state, requesterOf(job), compensation);
  state.burnt += burnt;
  job.barred.push(executor);
  job.commitment = null;
  job.unfolded = false;
  if (job.attempt === maxAttempts) {
    cancel(state, setting);
    return;
  }
  job.attempt += 1;
  reopen(state, setting);
}

function missDelivery(state: State, setting: Setting, executor: Party): void {
  const penalty = penaltyOf(setting.collateral, state.job.missed);
  unlock(state, executor, setting.collateral);
  state.accounts[executor].free -= penalty;
  credit(state, requesterOf(state.job), penalty);
  state.job.missed += 1;
  state.job.barred.push(executor);
  state.job.reopenedAt = state.now;
  reopen(state, setting);
}

function reopen(state: State, setting: Setting): void {
  const { job } = state;
  Object.assign(job, { status: "open", executor: null, deadline: Math.min(state.now + setting.claimWindow, job.expiry) });
}

function cancel(state: State, setting: Setting): void {
  credit(state, requesterOf(state.job), setting.fee);
  state.job.status = "cancelled";
}

function inStatus(job: Job, status: JobStatus, record: "right" | "wrong"): void {
  need(job.status === status, "WrongStatus");
  need(record === "right", "WrongRecord");
}

export function executorOf(job: Job): Party {
  if (job.executor === null) throw new Error("The job has no executor.");
  return job.executor;
}

function requesterOf(job: Job): Party {
  if (job.requester === null) throw new Error("The job has no requester.");
  return job.requester;
}
