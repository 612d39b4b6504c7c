import type { Hex } from "../../protocol/hex.ts";
import type { Deployment } from "../config/deployment.ts";
import type { Network } from "../network/createNetwork.ts";
import { topics, type GossipVerdict } from "../network/topics.ts";
import { isSignedByExecutor } from "./signResult.ts";

/** Roots that the book remembers; the oldest are forgotten first. 4096 entries of at most 2 KiB are 8 MiB. */
const MAX_ENTRIES = 4096;

/** Who is said to serve what: peers by trace root or input root, learnt from gossip. A claim is only as good as the bytes that follow. */
export interface ProviderBook {
  /** Addresses told for this root first, then every connected peer, since any of them may hold the data. */
  providersOf(root: Hex): string[];
  /** Ends the subscriptions. */
  stop(): void;
}

/**
 * Listens to announcements of results and job inputs on this deployment.
 * Rules: another chain or contract is *ignored* (its nodes may share the topic); a result not signed by the executor that it names is
 * *rejected*; everything else is passed on.
 */
export function createProviderBook(network: Network, deployment: Deployment): ProviderBook {
  const entries = new Map<string, Set<string>>();
  const contract = deployment.contracts.jobs.toLowerCase();
  const isOurs = (message: { chainId: number; contract: string }): boolean => message.chainId === deployment.chainId && message.contract === contract;

  const note = (root: string, providers: readonly string[]): void => {
    const known = entries.get(root) ?? new Set<string>();
    entries.delete(root);
    entries.set(root, new Set([...providers, ...known].slice(0, 16)));
    const oldest = entries.keys().next();
    if (entries.size > MAX_ENTRIES && oldest.done !== true) entries.delete(oldest.value);
  };

  const unsubscribe = [
    network.gossip.subscribe(
      { ...topics.results, validate: async (message): Promise<GossipVerdict> => (!isOurs(message) ? "ignore" : (await isSignedByExecutor(message)) ? "accept" : "reject") },
      (message) => {
        note(message.traceRoot, message.providers);
        note(message.outputRoot, message.providers);
      },
    ),
    network.gossip.subscribe({ ...topics.jobs, validate: async (message): Promise<GossipVerdict> => (isOurs(message) ? "accept" : "ignore") }, (message) => note(message.inputRoot, message.providers)),
  ];

  return {
    providersOf: (root) => [...new Set([...(entries.get(root) ?? []), ...network.peers()])],
    stop: () => unsubscribe.forEach((end) => end()),
  };
}
