import type { LocalAccount } from "viem";
import { signResult } from "../runtime/announcements/signResult.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import { topics } from "../runtime/network/topics.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/** Milliseconds after which a standing commitment is announced again: gossip reaches only who listens at that moment. */
const REPEAT_MS = 10_000;

/** Tells peers where the traces of standing commitments are served. */
export interface Announcer {
  /** Announces the commitment unless that was done a short while ago. */
  keepAnnounced(job: Job): void;
  /** Lets every commitment be announced at once at its next turn, for peers that came just now. */
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

export function createAnnouncer({ account, chain, network, logger, now = () => performance.now() }: AnnouncerDependencies): Announcer {
  const announced = new Map<string, number>();

  const announce = async (job: Job): Promise<void> => {
    const providers = network.addresses().slice(0, 8);
    if (providers.length === 0 || job.traceRoot === undefined || job.outputRoot === undefined) return;
    const message = await signResult(account, {
      jobId: job.id.toString(),
      attempt: job.attempt,
      chainId: chain.deployment.chainId,
      contract: chain.deployment.contracts.jobs.toLowerCase(),
      traceRoot: job.traceRoot,
      outputRoot: job.outputRoot,
      executor: account.address.toLowerCase(),
      providers,
    });
    await network.gossip.publish(topics.results, message);
  };

  return {
    keepAnnounced(job) {
      const key = `${job.id}/${job.attempt}`;
      const last = announced.get(key);
      if (last !== undefined && now() - last < REPEAT_MS) return;
      announced.set(key, now());
      announce(job).catch((error: unknown) => logger.warn({ jobId: job.id, reason: error instanceof Error ? error.message : String(error) }, "result not announced"));
    },
    announceAgain: () => announced.clear(),
    forget(isOver) {
      for (const key of announced.keys()) if (isOver(BigInt(key.split("/", 1)[0] ?? 0))) announced.delete(key);
    },
  };
}
