import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "viem";
import type { Chain } from "../../runtime/chain/createChain.ts";
import { getEvents } from "../../runtime/chain/getEvents.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { readExecutorRecords } from "../../runtime/chain/reads/readExecutorRecords.ts";
import type { Dispute, Job } from "../../runtime/chain/types.ts";

/** Everything that the chain knows at the end of a run. */
export interface Settlement {
  jobs: Job[];
  disputes: Dispute[];
  /** Jobs and attempts with more than one commitment. */
  doubleCommitments: string[];
  stuckJobs: bigint[];
  openDisputes: bigint[];
  /** By name of the account; `committed` counts its commitments, `lostBonds` the disputes that it began and lost. */
  accounts: Record<string, Standing>;
}

/** What became of one account. */
export interface Standing {
  stake: bigint;
  locked: bigint;
  committed: number;
  completed: number;
  slashed: number;
  missed: number;
  lostBonds: bigint[];
}

/** Waits until every job is over and every dispute has ended, or the patience is, and reads how things stand. */
export async function settle(chain: Chain, jobCount: number, accounts: Readonly<Record<string, Address>>, patienceMs: number, onWait: (left: number) => void = () => undefined): Promise<Settlement> {
  const end = Date.now() + patienceMs;
  const read = async () => {
    const jobs = await Promise.all(Array.from({ length: jobCount }, (_, i) => getJob(chain, BigInt(i + 1))));
    const count = Number(await getDisputeCount(chain));
    const disputes = await Promise.all(Array.from({ length: count }, (_, i) => getDispute(chain, BigInt(i + 1))));
    return { jobs, disputes, stuckJobs: jobs.filter(({ status }) => status !== "final" && status !== "cancelled").map(({ id }) => id), openDisputes: disputes.filter(({ phase }) => phase !== "ended").map(({ id }) => id) };
  };
  let state = await read();
  while (state.stuckJobs.length + state.openDisputes.length > 0 && Date.now() < end) {
    onWait(state.stuckJobs.length);
    await delay(1_000);
    state = await read();
  }
  const commitments = new Map<string, number>();
  const committers: string[] = [];
  for (const { args } of await getEvents(chain, { contract: "jobs", names: ["Committed"] })) {
    const key = `${args.jobId}/${args.attempt}`;
    commitments.set(key, (commitments.get(key) ?? 0) + 1);
    committers.push(args.executor.toLowerCase());
  }
  const records = await readExecutorRecords(chain);
  const entries = await Promise.all(
    Object.entries(accounts).map(async ([name, address]) => {
      const { free, locked } = await getStakeAccount(chain, address);
      const account = address.toLowerCase();
      const { completed = 0, slashed = 0, missed = 0 } = records.get(account) ?? {};
      const committed = committers.filter((committer) => committer === account).length;
      const lostBonds = state.disputes.filter(({ challenger, outcome }) => challenger.toLowerCase() === account && outcome === "defenderWon").map(({ id }) => id);
      return [name, { stake: free + locked, locked, committed, completed, slashed, missed, lostBonds }] as const;
    }),
  );
  return { ...state, doubleCommitments: [...commitments].filter(([, count]) => count > 1).map(([key]) => key), accounts: Object.fromEntries(entries) };
}
