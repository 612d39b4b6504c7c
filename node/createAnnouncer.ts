import type { LocalAccount } from "viem";
import { signResult } from "../runtime/announcements/signResult.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import { createTokenBuckets } from "../runtime/network/createTokenBuckets.ts";
import { topics, type ResultMessage } from "../runtime/network/topics.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/**
 * Milliseconds after which a standing commitment is announced again, doubled each time up to the second number: gossip reaches only who listens at that moment,
 * and whoever missed it may ask the peers that it knows.
 */
const REPEAT_MS = 10_000;
/** Shorter than a watcher asks for a trace that nobody has told it of (`watcher/withheldFrom.ts`). */
const MAX_REPEAT_MS = 60_000;
/** Repetitions a second, and at once, of all commitments together: well within what peers take from one author, so that new results are heard. */
const REPETITIONS = { perSecond: 2, burst: 20 };

/** Tells peers where the traces of standing commitments are served. */
export interface Announcer {
  /** Announces the commitment unless that was done a short while ago. */
  keepAnnounced(job: Job): void;
  /** Lets every commitment be announced at its next turn, for peers that came just now. */
  announceAgain(): void;
  /** Forgets when it announced the jobs that are over. */
  forget(isOver: (jobId: bigint) => boolean): void;
}

export interface AnnouncerDependencies {
  account: LocalAccount;
  chain: Chain;
  network: Network;
  logger: Logger;
  now?: () => number;
}

/** What was said of a commitment: when, how long nothing is to be said after it, and the signed words. */
interface Announced {
  at: number;
  pauseMs: number;
  message: ResultMessage | undefined;
}

export function createAnnouncer({ account, chain, network, logger, now = () => performance.now() }: AnnouncerDependencies): Announcer {
  const announced = new Map<string, Announced>();
  const repetitions = createTokenBuckets({ ...REPETITIONS, maxKeys: 1, now });

  const announce = async (job: Job, entry: Announced): Promise<void> => {
    const providers = network.addresses().slice(0, 8);
    if (providers.length === 0 || job.traceRoot === undefined || job.outputRoot === undefined) return;
    const { message: earlier } = entry;
    const says = earlier !== undefined && earlier.traceRoot === job.traceRoot && earlier.outputRoot === job.outputRoot && earlier.providers.join() === providers.join();
    const message = says ? earlier : await signResult(account, {
      jobId: job.id.toString(),
      attempt: job.attempt,
      chainId: chain.deployment.chainId,
      contract: chain.deployment.contracts.jobs.toLowerCase(),
      traceRoot: job.traceRoot,
      outputRoot: job.outputRoot,
      executor: account.address.toLowerCase(),
      providers,
    });
    entry.message = message;
    await network.gossip.publish(topics.results, message);
  };

  return {
    keepAnnounced(job) {
      const key = `${job.id}/${job.attempt}`;
      const last = announced.get(key);
      if (last !== undefined && (now() - last.at < last.pauseMs || !repetitions.take("repetition"))) return;
      const entry: Announced = { at: now(), pauseMs: last === undefined ? REPEAT_MS : Math.min(2 * last.pauseMs, MAX_REPEAT_MS), message: last?.message };
      announced.set(key, entry);
      announce(job, entry).catch((error: unknown) => logger.warn({ jobId: job.id, reason: error instanceof Error ? error.message : String(error) }, "result not announced"));
    },
    announceAgain() {
      for (const entry of announced.values()) entry.at = -Infinity;
    },
    forget(isOver) {
      for (const key of announced.keys()) if (isOver(BigInt(key.split("/", 1)[0] ?? 0))) announced.delete(key);
    },
  };
}
