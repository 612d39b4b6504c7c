import type { LocalAccount } from "viem";
import { signResults } from "../runtime/announcements/signResults.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import { createTokenBuckets } from "../runtime/network/createTokenBuckets.ts";
import { networkLimits } from "../runtime/network/limits.ts";
import { topics, type AnnouncedResult, type ResultsMessage } from "../runtime/network/topics.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/**
 * Milliseconds after which standing commitments are announced again, doubled each time up to the second number: gossip reaches only who listens at that moment,
 * and whoever missed it may ask the peers that it knows.
 */
const REPEAT_MS = 10_000;
/** Shorter than a watcher asks for a trace that nobody has told it of (`watcher/withheldFrom.ts`). */
const MAX_REPEAT_MS = 60_000;
/** Milliseconds for which a result waits for others: those of one transaction are known at once, and one signature does for all. */
const GATHER_MS = 20;
/** Messages a second, and at once, of new results and of repetitions: together well within what peers take from one author. A full message goes in any case. */
const MESSAGES = { perSecond: 2, burst: 20 };

/** Tells peers where the traces of standing commitments are served. */
export interface Announcer {
  /** Announces the commitment, with others, unless that was done a short while ago. */
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

/** Commitments that are told of together: when that was done, how long nothing is to be said after it, and the signed words. */
interface Group {
  at: number;
  pauseMs: number;
  results: Map<string, AnnouncedResult>;
  message: ResultsMessage | undefined;
}

export function createAnnouncer({ account, chain, network, logger, now = () => performance.now() }: AnnouncerDependencies): Announcer {
  const groups = new Map<string, Group>();
  const rates = createTokenBuckets({ ...MESSAGES, maxKeys: 2, now });
  let gathering: Group | undefined;

  const announce = async (group: Group): Promise<void> => {
    const providers = network.addresses().slice(0, networkLimits.maxAddressesPerPeer);
    if (providers.length === 0 || group.results.size === 0) return;
    if (group.message?.providers.join() !== providers.join()) {
      const { chainId, contracts } = chain.deployment;
      group.message = await signResults(account, { chainId, contract: contracts.jobs.toLowerCase(), executor: account.address.toLowerCase(), results: [...group.results.values()], providers });
    }
    await network.gossip.publish(topics.results, group.message);
  };

  const say = (group: Group): void => {
    group.at = now();
    announce(group).catch((error: unknown) => logger.warn({ jobs: [...group.results.keys()], reason: error instanceof Error ? error.message : String(error) }, "results not announced"));
  };

  /** Says what has gathered, or lets it gather on while too much was said just now. */
  const sayGathered = (group: Group): void => {
    if (gathering !== group) return;
    if (!rates.take("new")) return void setTimeout(sayGathered, GATHER_MS, group).unref();
    gathering = undefined;
    say(group);
  };

  const gather = (key: string, result: AnnouncedResult): void => {
    if (gathering === undefined) {
      gathering = { at: Infinity, pauseMs: REPEAT_MS, results: new Map(), message: undefined };
      setTimeout(sayGathered, GATHER_MS, gathering).unref();
    }
    const group = gathering;
    group.results.set(key, result);
    groups.set(key, group);
    if (group.results.size < networkLimits.maxResultsPerMessage) return;
    gathering = undefined;
    say(group);
  };

  const leave = (key: string, group: Group): void => {
    groups.delete(key);
    group.results.delete(key);
  };

  return {
    keepAnnounced({ id, attempt, traceRoot, outputRoot }) {
      if (traceRoot === undefined || outputRoot === undefined) return;
      const key = `${id}/${attempt}`;
      const group = groups.get(key);
      const known = group?.results.get(key);
      if (group === undefined || known?.traceRoot !== traceRoot || known.outputRoot !== outputRoot) {
        // After a reorganisation another commitment may stand in the attempt: what was signed of it is not said again.
        if (group !== undefined) {
          leave(key, group);
          group.message = undefined;
        }
        return gather(key, { jobId: id.toString(), attempt, traceRoot, outputRoot });
      }
      if (group === gathering || now() - group.at < group.pauseMs || !rates.take("repetition")) return;
      group.pauseMs = Math.min(2 * group.pauseMs, MAX_REPEAT_MS);
      say(group);
    },
    announceAgain() {
      for (const group of groups.values()) if (group !== gathering) group.at = -Infinity;
    },
    forget(isOver) {
      for (const [key, group] of groups) if (isOver(BigInt(key.split("/", 1)[0] ?? 0))) leave(key, group);
    },
  };
}
