import { expect } from "vitest";
import { zeroAddress, type Hex } from "viem";
import { jobStatus, outcomes, phases, type DisputeView } from "../helpers/createWorld.ts";
import { innerRootOf, sealHash } from "./material.ts";
import { parties } from "./rules/calls.ts";
import { deadlineOf } from "./rules/clocks.ts";
import { openDisputes } from "./rules/jobs.ts";
import { holdings } from "./rules/money.ts";
import type { Dispute, State } from "./rules/state.ts";
import type { Stage } from "./stage.ts";

const burnAddress = "0x000000000000000000000000000000000000dEaD";
const noRoot: Hex = `0x${"00".repeat(32)}`;

interface Account {
  free: bigint;
  locked: bigint;
  pending: bigint;
  availableAt: bigint;
  credits: bigint;
}

interface JobState {
  status: number;
  attempt: number;
  missed: number;
  deadline: bigint;
  executor: Hex;
  unfolded: boolean;
  openDisputes: number;
}

/** Compares what the contracts hold with the model's state: the job, each dispute, and all money to the wei. */
export async function compare(stage: Stage, state: State, said: string): Promise<void> {
  const { world, setting } = stage;
  const at = (second: number): bigint => stage.start + BigInt(second);
  const { job } = state;
  if (job.status !== "none") {
    const found = await stage.view<JobState>("jobs", "getJob", [1n]);
    const { status, attempt, missed, deadline, executor, openDisputes: open } = found;
    const runs = job.status === "open" || job.status === "claimed" || job.status === "committed";
    expect({ status, missed, executor, open, attempt, deadline: runs ? deadline : at(job.deadline), unfolded: job.status === "committed" ? found.unfolded : job.unfolded }, `the job ${said}`).toEqual({
      status: jobStatus[job.status], missed: job.missed, executor: job.executor === null ? zeroAddress : world.address[job.executor],
      open: openDisputes(state), attempt: job.attempt, deadline: at(job.deadline), unfolded: job.unfolded,
    });
    for (const party of job.barred) expect(await stage.view("jobs", "isBarred", [1n, world.address[party]]), `${party} barred ${said}`).toBe(true);
  }
  expect(await stage.view("disputes", "disputeCount"), said).toBe(BigInt(state.disputes.length));
  for (const [index, dispute] of state.disputes.entries()) compareDispute(stage, dispute, await stage.view<DisputeView>("disputes", "getDispute", [BigInt(index + 1)]), `dispute ${index} ${said}`);
  for (const party of parties) {
    const { free, locked, pending, availableAt, credits } = await stage.view<Account>("stakes", "getAccount", [world.address[party]]);
    const account = state.accounts[party];
    expect({ free, locked, pending, credits, availableAt: account.pending === 0n ? 0n : availableAt }, `${party} ${said}`).toEqual({ ...account, availableAt: account.pending === 0n ? 0n : at(account.availableAt) });
  }
  const { stakes, jobs, disputes } = world.deployment.contracts;
  const balances = await Promise.all([stakes, jobs, disputes, burnAddress as Hex].map((address) => world.balanceOf(address)));
  const owed = holdings(state, setting);
  expect(balances, `money ${said}`).toEqual([owed.stakes, owed.jobs, owed.disputes, state.burnt]);
}

function compareDispute(stage: Stage, dispute: Dispute, found: DisputeView, said: string): void {
  const { world } = stage;
  expect({ phase: found.phase, outcome: found.outcome, attempt: found.attempt, challenger: found.challenger, turn: found.turn }, said).toEqual({
    phase: phases[dispute.phase], outcome: outcomes[dispute.outcome], attempt: dispute.attempt, challenger: world.address[dispute.challenger], turn: dispute.turn,
  });
  if (dispute.phase === "ended") return;
  expect({ deadline: found.deadline, challenger: found.challengerClock, defender: found.defenderClock, bond: found.bond, demands: found.demands }, said).toEqual({
    deadline: stage.start + BigInt(deadlineOf(dispute)), ...dispute.clocks, bond: dispute.bond, demands: dispute.demands,
  });
  if (dispute.sealedAt !== null) expect([found.seal, found.sealedAt], said).toEqual([sealHash(stage, dispute.seal), stage.start + BigInt(dispute.sealedAt)]);
  const { position } = found;
  if (dispute.innerRoot !== null) expect([position.blockIndex, position.innerRoot], said).toEqual([dispute.block, innerRootOf(stage, dispute.block ?? 0, dispute.innerRoot)]);
  else expect(position.innerRoot, said).toBe(noRoot);
  const { place } = dispute;
  if (place === null) return;
  expect({ levels: position.levels, index: Number(position.index), atRoot: position.atRoot, leaves: Number(position.leaves) }, said).toEqual({ levels: place.levels, index: place.first >> place.levels, atRoot: place.atRoot, leaves: place.leaves });
  if (place.tensor !== null) expect({ source: position.source, index: position.tensor }, said).toEqual(place.tensor);
}
