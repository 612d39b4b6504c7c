import type { LocalAccount } from "viem";
import type { Hex } from "../protocol/hex.ts";
import { OFFER_LIFETIME_MS } from "../runtime/announcements/createOfferBook.ts";
import { signOffer } from "../runtime/announcements/signOffer.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import { networkLimits } from "../runtime/network/limits.ts";
import { topics } from "../runtime/network/topics.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/** Milliseconds between offers: an offer outlives the loss of three in a row. */
const REPEAT_MS = OFFER_LIFETIME_MS / 4;
/** Milliseconds between offers to peers that come in a crowd; well below what one author may send. */
const CROWD_MS = 1_000;

export interface OffererOptions {
  /** Least fee of a job, wei. */
  price: bigint;
  maxCollateral: bigint;
  executionProvider: string;
  region: string;
  /** Programs served at the moment; none offers nothing. */
  programs: () => readonly Hex[];
}

export interface OffererDependencies {
  account: LocalAccount;
  chain: Chain;
  network: Network;
  logger: Logger;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Tells peers what this executor would run, and for how much: again and again, and when a peer begins to listen. */
export function createOfferer(options: OffererOptions, { account, chain, network, logger, now = Date.now }: OffererDependencies): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopListening = (): void => undefined;
  let last = -Infinity;

  const offer = async (): Promise<void> => {
    const providers = network.addresses().slice(0, networkLimits.maxAddressesPerPeer);
    const models = options.programs().slice(0, networkLimits.maxModelsPerOffer).map((program) => ({ program, price: options.price.toString() }));
    if (providers.length === 0 || models.length === 0) return;
    const message = await signOffer(account, {
      chainId: chain.deployment.chainId,
      contract: chain.deployment.contracts.jobs.toLowerCase(),
      executor: account.address.toLowerCase(),
      issuedAt: now(),
      models,
      maxCollateral: options.maxCollateral.toString(),
      executionProvider: options.executionProvider,
      region: options.region,
      providers,
    });
    await network.gossip.publish(topics.offers, message);
  };

  const offerIn = (pauseMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      last = now();
      offerIn(REPEAT_MS);
      offer().catch((error: unknown) => logger.warn({ reason: error instanceof Error ? error.message : String(error) }, "offer not published"));
    }, pauseMs);
  };

  return {
    start() {
      stopListening = network.gossip.onSubscriber(topics.offers, () => offerIn(Math.max(0, last + CROWD_MS - now())));
      offerIn(0);
    },
    stop() {
      stopListening();
      clearTimeout(timer);
    },
  };
}
