import type { LocalAccount } from "viem";
import { isSignedByWatcher, signAlert } from "../runtime/announcements/signAlert.ts";
import type { Job } from "../runtime/chain/types.ts";
import { topics, type GossipVerdict } from "../runtime/network/topics.ts";
import type { WatcherDependencies } from "./dependencies.ts";

/** Step number of a warning that names no step. */
const NO_STEP = 0xffff_ffff;

/** Warns other watchers of wrong results, and tells the operator of their warnings. */
export interface Alarm {
  raise(job: Job, reason: "FRAUD" | "WITHHELD", step?: number): Promise<void>;
  /** Ends the subscription. */
  stop(): void;
}

/** Without an account it tells the webhook at most: a warning that nobody signed is worth nothing to others. */
export function createAlarm(account: LocalAccount | undefined, { chain, network, logger, webhook }: Pick<WatcherDependencies, "chain" | "network" | "logger" | "webhook">): Alarm {
  const { chainId, contracts } = chain.deployment;
  const contract = contracts.jobs.toLowerCase();
  const stop = network.gossip.subscribe(
    {
      ...topics.alerts,
      validate: async (message): Promise<GossipVerdict> => (message.chainId !== chainId || message.contract !== contract ? "ignore" : (await isSignedByWatcher(message)) ? "accept" : "reject"),
    },
    ({ jobId, attempt, watcher, step, reason }) => {
      const fields = { jobId, attempt, watcher, ...(step === NO_STEP ? {} : { step }), reason };
      logger.warn(fields, "another watcher warns of a result");
      webhook?.post("warning", { ...fields, chainId });
    },
  );
  return {
    stop,
    async raise(job, reason, step = NO_STEP) {
      webhook?.post(reason === "FRAUD" ? "fraud" : "withheld", { chainId, jobId: job.id, attempt: job.attempt, executor: job.executor, program: job.programRoot, collateral: job.collateral, challengeableUntil: job.deadline, ...(step === NO_STEP ? {} : { step }) });
      if (account === undefined) return;
      const message = await signAlert(account, { jobId: job.id.toString(), chainId, contract, attempt: job.attempt, watcher: account.address.toLowerCase(), step, reason });
      await network.gossip.publish(topics.alerts, message).catch((error: unknown) => logger.warn({ jobId: job.id, reason: error instanceof Error ? error.message : String(error) }, "warning not published"));
    },
  };
}
