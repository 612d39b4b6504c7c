import type { Hex } from "../../protocol/hex.ts";
import type { Deployment } from "../config/deployment.ts";
import type { Network } from "../network/createNetwork.ts";
import { topics, type GossipVerdict, type ResultMessage } from "../network/topics.ts";
import type { StakeBook } from "./createStakeBook.ts";
import { isSignedByExecutor } from "./signResult.ts";

/** Entries of the book, two a root of a result; the oldest are forgotten first. 8192 of at most 2 KiB are 16 MiB. */
const MAX_ENTRIES = 8192;

/** Who is said to serve what: peers by trace root or input root, learnt from gossip. A claim is only as good as the bytes that follow. */
export interface ProviderBook {
  /**
   * Addresses that `by`, the executor behind the root, has signed; then what others told of this root; then every connected peer,
   * since any of them may hold the data. Whoever has an account can announce any root, so only the executor's own word goes first.
   */
  providersOf(root: Hex, by?: string): string[];
  /** Ends the subscriptions. */
  stop(): void;
}

/**
 * Listens to announcements of results and job inputs on this deployment.
 * Rules: another chain or contract is *ignored* (its nodes may share the topic); a result not signed by the executor that it names is
 * *rejected*; one whose executor has no stake, or of whom the chain cannot be asked now, is *ignored*; everything else is passed on.
 */
export function createProviderBook(network: Network, deployment: Deployment, { stakes }: { stakes: StakeBook }): ProviderBook {
  const entries = new Map<string, Set<string>>();
  const contract = deployment.contracts.jobs.toLowerCase();
  const isOurs = (message: { chainId: number; contract: string }): boolean => message.chainId === deployment.chainId && message.contract === contract;

  const note = (key: string, providers: readonly string[]): void => {
    const known = entries.get(key) ?? new Set<string>();
    entries.delete(key);
    entries.set(key, new Set([...providers, ...known].slice(0, 16)));
    const oldest = entries.keys().next();
    if (entries.size > MAX_ENTRIES && oldest.done !== true) entries.delete(oldest.value);
  };

  const judgeResult = async (message: ResultMessage): Promise<GossipVerdict> => {
    if (!isOurs(message)) return "ignore";
    if (!(await isSignedByExecutor(message))) return "reject";
    return (await stakes.isStaked(message.executor)) === true ? "accept" : "ignore";
  };

  const unsubscribe = [
    network.gossip.subscribe(
      { ...topics.results, validate: judgeResult },
      (message) => {
        for (const root of [message.traceRoot, message.outputRoot]) {
          note(root, message.providers);
          note(`${root}/${message.executor}`, message.providers);
        }
      },
    ),
    network.gossip.subscribe({ ...topics.jobs, validate: async (message): Promise<GossipVerdict> => (isOurs(message) ? "accept" : "ignore") }, (message) => note(message.inputRoot, message.providers)),
  ];

  return {
    providersOf: (root, by) => [...new Set([...(entries.get(`${root}/${by?.toLowerCase()}`) ?? []), ...(entries.get(root) ?? []), ...network.peers()])],
    stop: () => unsubscribe.forEach((end) => end()),
  };
}
