import type { Hex } from "../../protocol/hex.ts";
import type { Deployment } from "../config/deployment.ts";
import type { Network } from "../network/createNetwork.ts";
import { topics, type GossipVerdict, type ResultsMessage } from "../network/topics.ts";
import type { StakeBook } from "./createStakeBook.ts";
import { isSignedByExecutor } from "./signResults.ts";

/** Roots in the book, two a result; the oldest are forgotten first. 8192 of at most 2 KiB are 16 MiB. */
const MAX_ROOTS = 8192;
/** Executors in it; they have a stake each. */
const MAX_EXECUTORS = 512;
/** Addresses of each. */
const MAX_ADDRESSES = 16;

/** Who is said to serve what: peers by trace root or input root, learnt from gossip. A claim is only as good as the bytes that follow. */
export interface ProviderBook {
  /**
   * Addresses that `by`, the executor behind the root, has signed for any of its results, which no flood of other words makes the book forget; then what others
   * told of this root; then every connected peer, since any of them may hold the data. Whoever has a stake can announce any root, so only the executor's own
   * word goes first.
   */
  providersOf(root: Hex, by?: string): string[];
  /** Ends the subscriptions. */
  stop(): void;
}

/**
 * Listens to announcements of results and job inputs on this deployment.
 * Rules: another chain or contract is *ignored* (its nodes may share the topic); results not signed by the executor that they name are
 * *rejected*; one whose executor has no stake, or of whom the chain cannot be asked now, is *ignored*; everything else is passed on.
 */
export function createProviderBook(network: Network, deployment: Deployment, { stakes }: { stakes: StakeBook }): ProviderBook {
  const roots = new Map<string, Set<string>>();
  const executors = new Map<string, Set<string>>();
  const contract = deployment.contracts.jobs.toLowerCase();
  const isOurs = (message: { chainId: number; contract: string }): boolean => message.chainId === deployment.chainId && message.contract === contract;

  const note = (book: Map<string, Set<string>>, size: number, key: string, providers: readonly string[]): void => {
    const known = book.get(key) ?? new Set<string>();
    book.delete(key);
    book.set(key, new Set([...new Set([...providers, ...known])].slice(0, MAX_ADDRESSES)));
    const oldest = book.keys().next();
    if (book.size > size && oldest.done !== true) book.delete(oldest.value);
  };

  const judgeResult = async (message: ResultsMessage): Promise<GossipVerdict> => {
    if (!isOurs(message)) return "ignore";
    if (!(await isSignedByExecutor(message))) return "reject";
    return (await stakes.isStaked(message.executor)) === true ? "accept" : "ignore";
  };

  const unsubscribe = [
    network.gossip.subscribe(
      { ...topics.results, validate: judgeResult },
      ({ executor, results, providers }) => {
        note(executors, MAX_EXECUTORS, executor, providers);
        for (const { traceRoot, outputRoot } of results) for (const root of [traceRoot, outputRoot]) note(roots, MAX_ROOTS, root, providers);
      },
    ),
    network.gossip.subscribe({ ...topics.jobs, validate: async (message): Promise<GossipVerdict> => (isOurs(message) ? "accept" : "ignore") }, (message) => note(roots, MAX_ROOTS, message.inputRoot, message.providers)),
  ];

  return {
    providersOf: (root, by) => [...new Set([...(executors.get(by?.toLowerCase() ?? "") ?? []), ...(roots.get(root) ?? []), ...network.peers()])],
    stop: () => unsubscribe.forEach((end) => end()),
  };
}
