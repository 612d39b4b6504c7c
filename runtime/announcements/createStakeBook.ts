import type { Address } from "viem";
import type { Chain } from "../chain/createChain.ts";
import { getParameters } from "../chain/reads/getParameters.ts";
import { getStakeAccount } from "../chain/reads/getStakeAccount.ts";
import { createTokenBuckets } from "../network/createTokenBuckets.ts";

/** Milliseconds for which an answer of the chain is believed. */
const LIFETIME_MS = 60_000;
/** Accounts remembered; 4096 entries are well under 1 MiB. */
const MAX_ACCOUNTS = 4_096;
/** Accounts looked up a second, and at once: addresses cost nothing to invent, and each is a request to the endpoint. */
const LOOKUPS = { perSecond: 10, burst: 50 };

/** Which accounts have a stake worth the name: at least the smallest collateral, free or locked. */
export interface StakeBook {
  /** Undefined if the chain would be asked too often; throws what reading the chain throws. */
  isStaked(account: string): Promise<boolean | undefined>;
}

/** @param now milliseconds of a clock that only moves forward. */
export function createStakeBook(chain: Chain, { now = () => performance.now() }: { now?: () => number } = {}): StakeBook {
  const known = new Map<string, { staked: boolean; at: number }>();
  const lookups = createTokenBuckets({ ...LOOKUPS, maxKeys: 1, now });
  let minimum: Promise<bigint> | undefined;

  const leastStake = (): Promise<bigint> => {
    minimum ??= getParameters(chain).then(({ limits }) => limits.minCollateral);
    minimum.catch(() => (minimum = undefined));
    return minimum;
  };

  return {
    async isStaked(account) {
      const key = account.toLowerCase();
      const entry = known.get(key);
      if (entry !== undefined && now() - entry.at < LIFETIME_MS) return entry.staked;
      if (!lookups.take("all")) return undefined;
      const [{ free, locked }, least] = await Promise.all([getStakeAccount(chain, key as Address), leastStake()]);
      const staked = free + locked >= least;
      known.delete(key);
      known.set(key, { staked, at: now() });
      const oldest = known.keys().next();
      if (known.size > MAX_ACCOUNTS && oldest.done !== true) known.delete(oldest.value);
      return staked;
    },
  };
}
