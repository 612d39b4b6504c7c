import type { Hex } from "../../protocol/hex.ts";
import type { Deployment } from "../config/deployment.ts";
import type { Network } from "../network/createNetwork.ts";
import { topics, type GossipVerdict, type OfferMessage } from "../network/topics.ts";
import type { StakeBook } from "./createStakeBook.ts";
import { isSignedOffer } from "./signOffer.ts";

/** Milliseconds for which an offer stands unless its executor repeats it. */
export const OFFER_LIFETIME_MS = 120_000;
/** Milliseconds by which another machine's clock may run ahead of this one's. */
const CLOCK_SKEW_MS = 30_000;
/** Offers remembered, one an executor; 512 of at most 8 KiB are 4 MiB. */
const MAX_OFFERS = 512;

/** What staked executors offer at the moment, learnt from gossip. */
export interface OfferBook {
  /** Offers that stand, the newest first; of one program if it is named. */
  list(program?: Hex): OfferMessage[];
  /** Ends the subscription. */
  stop(): void;
}

export interface OfferBookDependencies {
  stakes: StakeBook;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * Listens to offers on this deployment.
 * Rules, in this order: another chain or contract is *ignored*, since its nodes may share the topic; an offer issued earlier than the
 * lifetime of offers ago, or more than half a minute ahead, is *ignored*, since clocks differ; one that is not newer than what is
 * known of its executor is *ignored*, since it may have gone another way; one that its executor has not signed is *rejected*; one
 * whose executor has no stake, or of whom the chain cannot be asked now, is *ignored*; everything else is passed on.
 */
export function createOfferBook(network: Pick<Network, "gossip">, deployment: Deployment, { stakes, now = Date.now }: OfferBookDependencies): OfferBook {
  const offers = new Map<string, OfferMessage>();
  const contract = deployment.contracts.jobs.toLowerCase();
  const isOver = ({ issuedAt }: OfferMessage): boolean => issuedAt < now() - OFFER_LIFETIME_MS;

  const validate = async (message: OfferMessage): Promise<GossipVerdict> => {
    if (message.chainId !== deployment.chainId || message.contract !== contract) return "ignore";
    if (isOver(message) || message.issuedAt > now() + CLOCK_SKEW_MS) return "ignore";
    if ((offers.get(message.executor)?.issuedAt ?? -1) >= message.issuedAt) return "ignore";
    if (!(await isSignedOffer(message))) return "reject";
    return (await stakes.isStaked(message.executor)) === true ? "accept" : "ignore";
  };

  const stop = network.gossip.subscribe({ ...topics.offers, validate }, (message) => {
    // Two offers of one executor may have been in validation at once.
    if ((offers.get(message.executor)?.issuedAt ?? -1) >= message.issuedAt) return;
    offers.delete(message.executor);
    offers.set(message.executor, message);
    const oldest = offers.keys().next();
    if (offers.size > MAX_OFFERS && oldest.done !== true) offers.delete(oldest.value);
  });

  return {
    list(program) {
      for (const [executor, offer] of offers) if (isOver(offer)) offers.delete(executor);
      return [...offers.values()].reverse().filter(({ models }) => program === undefined || models.some((model) => model.program === program));
    },
    stop,
  };
}
