import type { Address } from "viem";
import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import { ETHER, formatAmount, type Asset } from "../runtime/assets/asset.ts";
import { createOfferBook } from "../runtime/announcements/createOfferBook.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import { getStakeAccount } from "../runtime/chain/reads/getStakeAccount.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import type { OfferMessage } from "../runtime/network/topics.ts";
import type { Context } from "./context.ts";
import { pause } from "./pause.ts";
import type { Peers } from "./peers.ts";

/** An offer with what was measured of its executor. Money is smallest units of the deployment's asset. */
export interface MeasuredOffer {
  executor: Address;
  offer: OfferMessage;
  stake: { free: bigint; locked: bigint };
  /** Seconds of one round trip to the executor's node; undefined if it could not be reached. */
  latencySeconds: number | undefined;
}

/**
 * Listens for offers on the network and measures their executors. Ends after `seconds`, or as soon as the account `until` is heard.
 * Offers of one program if it is named.
 */
export async function collectOffers(context: Context, { network, stakes }: Peers, options: { program?: Hex; seconds: number; until?: Address | undefined }): Promise<MeasuredOffer[]> {
  const chain = await context.chain();
  const book = createOfferBook(network, chain.deployment, { stakes });
  context.onClose(() => book.stop());
  const wanted = options.until?.toLowerCase();
  const end = Date.now() + options.seconds * 1000;
  while (Date.now() < end && !book.list(options.program).some(({ executor }) => executor === wanted)) {
    context.progress.update("listening for offers", `${book.list(options.program).length} heard`);
    await pause(Math.min(200, Math.max(1, end - Date.now())), context.signal);
  }
  context.progress.update("measuring executors");
  const measured = await Promise.all(book.list(options.program).map((offer) => measure(offer, chain, network, context.signal)));
  context.progress.end();
  return measured;
}

async function measure(offer: OfferMessage, chain: Chain, network: Network, signal: AbortSignal): Promise<MeasuredOffer> {
  const executor = offer.executor as Address;
  const [{ free, locked }, latencySeconds] = await Promise.all([getStakeAccount(chain, executor), latencyOf(offer, network, signal)]);
  return { executor, offer, stake: { free, locked }, latencySeconds };
}

async function latencyOf({ providers }: OfferMessage, network: Network, signal: AbortSignal): Promise<number | undefined> {
  for (const address of providers) {
    try {
      // The first round trip may include the connection's set-up.
      await network.ping(address, { signal });
      return (await network.ping(address, { signal })) / 1000;
    } catch (error) {
      if (signal.aborted || !(error instanceof GainsayError)) throw error;
    }
  }
  return undefined;
}

/** Smallest units that the offer asks for one run of the program; undefined if it is not offered. */
export function priceOf({ offer }: Pick<MeasuredOffer, "offer">, program: Hex): bigint | undefined {
  const model = offer.models.find((entry) => entry.program === program);
  return model === undefined ? undefined : BigInt(model.price);
}

export type Preference = "price" | "latency";

/** What a job asks of the executor that is to run it. */
export interface Wish {
  program: Hex;
  /** In which reasons name amounts. Default ether. */
  asset?: Asset;
  collateral: bigint;
  /** The most that the requester pays; undefined pays what is asked. */
  fee?: bigint | undefined;
  executor?: Address | undefined;
  prefer?: Preference | undefined;
}

/**
 * The offer that a job is meant for: the named executor's, or the best one that would take it. Equal prices go to the nearer
 * executor, equal distances to the cheaper one. Throws `EXECUTOR_NOT_HEARD`, `EXECUTOR_UNFIT`, `NO_OFFERS`.
 */
export function chooseOffer(offers: readonly MeasuredOffer[], wish: Wish): MeasuredOffer {
  const { executor, program } = wish;
  if (executor !== undefined) {
    const named = offers.find((offer) => offer.executor.toLowerCase() === executor.toLowerCase());
    if (named === undefined) throw new GainsayError(`No offer of ${executor} for this program was heard; check with \`gainsay executor list\`, or listen longer with --listen-for.`, { code: "EXECUTOR_NOT_HEARD", retryable: true, details: { executor, program } });
    const reason = unfitness(named, wish);
    if (reason !== undefined) throw new GainsayError(`The executor ${executor} would not take this job: ${reason}.`, { code: "EXECUTOR_UNFIT", kind: "usage", details: { executor, program } });
    return named;
  }
  const price = (offer: MeasuredOffer): bigint => priceOf(offer, program) ?? 0n;
  const distance = ({ latencySeconds }: MeasuredOffer): number => latencySeconds ?? Infinity;
  const byPrice = (a: MeasuredOffer, b: MeasuredOffer): number => (price(a) < price(b) ? -1 : price(a) > price(b) ? 1 : 0);
  const byDistance = (a: MeasuredOffer, b: MeasuredOffer): number => (distance(a) === distance(b) ? 0 : distance(a) - distance(b));
  const [first, second] = wish.prefer === "latency" ? [byDistance, byPrice] : [byPrice, byDistance];
  const fitting = offers.filter((offer) => unfitness(offer, wish) === undefined && offer.latencySeconds !== undefined).sort((a, b) => first(a, b) || second(a, b));
  if (fitting[0] !== undefined) return fitting[0];
  const reasons = Object.fromEntries(offers.map((offer) => [offer.executor, unfitness(offer, wish) ?? "it cannot be reached"]));
  throw new GainsayError(offers.length === 0 ? "No offer for this program was heard; listen longer with --listen-for, or submit the job to everybody without --prefer." : "None of the executors that were heard would take this job; see the details, or submit it to everybody without --prefer.", { code: "NO_OFFERS", retryable: true, details: { program, reasons } });
}

function unfitness(measured: MeasuredOffer, { program, collateral, fee, asset = ETHER }: Wish): string | undefined {
  const price = priceOf(measured, program);
  if (price === undefined) return "it does not offer this program";
  if (fee !== undefined && fee < price) return `it asks for ${formatAmount(price, asset)}`;
  if (BigInt(measured.offer.maxCollateral) < collateral) return `it puts up at most ${formatAmount(BigInt(measured.offer.maxCollateral), asset)} for one job`;
  if (measured.stake.free < collateral) return `its free stake is ${formatAmount(measured.stake.free, asset)}`;
  return undefined;
}
