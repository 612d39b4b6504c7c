import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
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
    const jobs = await inTurn(jobCount, (id) => getJob(chain, id));
    const disputes = await inTurn(Number(await getDisputeCount(chain)), (id) => getDispute(chain, id));
    return { jobs, disputes, stuckJobs: jobs.filter(({ status }) => status !== "final" && status !== "cancelled").map(({ id }) => id), openDisputes: disputes.filter(({ phase }) => phase !== "ended").map(({ id }) => id) };
  };
  /** On a busy machine a node may not answer in time: it is asked again as long as there is patience. */
  const readAtLast = async (): ReturnType<typeof read> => {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof GainsayError && error.retryable) || Date.now() > end) throw error;
        await delay(2_000);
      }
    }
  };
  let state = await readAtLast();
  while (state.stuckJobs.length + state.openDisputes.length > 0 && Date.now() < end) {
    onWait(state.stuckJobs.length);
    await delay(1_000);
    state = await readAtLast();
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

/** Reads the numbers from 1 to `count`, a few at once: all of them would leave nothing of the node for those who are watched. */
async function inTurn<T>(count: number, read: (id: bigint) => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  for (let first = 1; first <= count; first += 8) values.push(...(await Promise.all(Array.from({ length: Math.min(8, count - first + 1) }, (_, i) => read(BigInt(first + i))))));
  return values;
}
