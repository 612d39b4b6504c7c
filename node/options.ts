import type { Hex } from "../protocol/hex.ts";
import type { Misbehaviour } from "./misbehaviour.ts";

export interface ExecutorOptions {
  /** Programs to serve; empty serves every bundle in the data folder. */
  programs: readonly Hex[];
  /** Jobs that pay less are left alone, wei. */
  minFee: bigint;
  /** Jobs that demand more collateral are left alone, wei. */
  maxCollateral: bigint;
  /** Seconds that a job must have been open before this executor claims it. */
  claimDelaySeconds: number;
  /** Seconds after a job's last deadline for which its trace is kept and served. */
  retainSeconds: number;
  /** Jobs at work at once. */
  concurrency: number;
  /** For demonstrations on a development chain only. */
  misbehaviour?: Misbehaviour;
}
