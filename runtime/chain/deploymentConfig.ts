import { parseEther } from "viem";

/** Bounds on all jobs of one deployment: windows in seconds, money in wei. The struct `JobLimits`. */
export interface JobLimits {
  minClaimWindow: number;
  maxClaimWindow: number;
  minDeliveryWindow: number;
  maxDeliveryWindow: number;
  minChallengeWindow: number;
  maxChallengeWindow: number;
  minCollateral: bigint;
  rewardCap: bigint;
  /** Seconds from a submission to the latest expiry. */
  maxLifetime: number;
  /** The collateral is at least this many times the fee. */
  collateralPerFee: number;
}

/** Parameters of all disputes of one deployment: seconds and wei. The struct `DisputeRules`. */
export interface DisputeRules {
  bond: bigint;
  clock: number;
  extension: number;
  demandBond: bigint;
  maxDemands: number;
  /** Seconds from a seal to its refutation, at least. */
  sealAge: number;
}

/** What is fixed for good when the contracts are deployed. */
export interface DeploymentConfig {
  /** Seconds from a withdrawal request to the withdrawal; must exceed the longest dispute, 2·clock + 3·extension. */
  withdrawalDelay: number;
  limits: JobLimits;
  rules: DisputeRules;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * `devnet`: a whole job in seconds, a dispute in minutes. `production`: a commitment stands open to challenges for half an
 * hour at least, and a side that is down for hours still makes its moves. The reasons are in docs/contracts.md.
 */
export const deploymentConfigs = {
  devnet: {
    withdrawalDelay: 5 * minute,
    limits: {
      minClaimWindow: 1,
      maxClaimWindow: day,
      minDeliveryWindow: 1,
      maxDeliveryWindow: day,
      minChallengeWindow: 1,
      maxChallengeWindow: day,
      minCollateral: parseEther("0.1"),
      rewardCap: parseEther("1"),
      maxLifetime: 7 * day,
      collateralPerFee: 4,
    },
    rules: { bond: parseEther("0.05"), clock: minute, extension: 30, demandBond: parseEther("0.05"), maxDemands: 16, sealAge: 1 },
  },
  production: {
    withdrawalDelay: 8 * day,
    limits: {
      minClaimWindow: minute,
      maxClaimWindow: 7 * day,
      minDeliveryWindow: minute,
      maxDeliveryWindow: day,
      minChallengeWindow: 30 * minute,
      maxChallengeWindow: 7 * day,
      minCollateral: parseEther("1"),
      rewardCap: parseEther("5"),
      maxLifetime: 30 * day,
      collateralPerFee: 4,
    },
    rules: { bond: parseEther("0.1"), clock: 6 * hour, extension: hour, demandBond: parseEther("0.2"), maxDemands: 64, sealAge: minute },
  },
} as const satisfies Record<string, DeploymentConfig>;

/** The development network with other clocks than its minute, in seconds; withdrawals wait longer than the longest dispute. */
export function devnetConfig(clock: number): DeploymentConfig {
  const { rules, withdrawalDelay, limits } = deploymentConfigs.devnet;
  return { limits, withdrawalDelay: Math.max(withdrawalDelay, 2 * clock + 4 * rules.extension), rules: { ...rules, clock } };
}
