import type { Parameters } from "../../../runtime/chain/types.ts";
import { collateral, fee } from "./createTown.ts";

/** The rules of docs/contracts.md, "Where money is", computed on their own. */
export function convictionOf({ limits }: Parameters, stake = collateral): { reward: bigint; compensation: bigint; burnt: bigint } {
  const half = stake / 2n;
  const reward = half < limits.rewardCap ? half : limits.rewardCap;
  const compensation = stake / 5n;
  return { reward, compensation, burnt: stake - reward - compensation };
}

/** A missed delivery: to the requester. */
export const penaltyOf = (stake = collateral): bigint => stake / 20n;

/** Of a job that somebody cheated on and the honest executor then delivered. */
export function afterConviction(parameters: Parameters, cheater: string, challenger: string): { gains: Record<string, bigint>; burnt: bigint } {
  const { reward, compensation, burnt } = convictionOf(parameters);
  return { gains: { [cheater]: -collateral, [challenger]: reward, requester: compensation - fee, executor: fee }, burnt };
}

/** Sums of gains. */
export function together(...all: Record<string, bigint>[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const gains of all) for (const [name, wei] of Object.entries(gains)) sums[name] = (sums[name] ?? 0n) + wei;
  return sums;
}
