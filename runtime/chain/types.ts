import type { Address } from "viem";
import type { GamePosition } from "../../protocol/dispute/game.ts";
import type { Hex } from "../../protocol/hex.ts";

/** States of a job in the order of the contract's enum. */
export const jobStatuses = ["none", "open", "claimed", "committed", "final", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Whose move it is, in the order of the contract's enum. Defender: `reveal`, `revealChunk`, `answer`, `expand`; challenger: the others. */
export const disputePhases = ["none", "sealed", "reveal", "choose", "revealChunk", "refute", "answer", "demand", "expand", "expanded", "ended"] as const;
export type DisputePhase = (typeof disputePhases)[number];

/** How a dispute ended, in the order of the contract's enum. */
export const disputeOutcomes = ["none", "challengerWon", "defenderWon", "void"] as const;
export type DisputeOutcome = (typeof disputeOutcomes)[number];

/** All that the chain knows of a job. Times are seconds of the chain's clock, money is wei. */
export interface Job {
  id: bigint;
  status: JobStatus;
  /** Numbers the commitments from 1. */
  attempt: number;
  /** Deliveries that were claimed and not made. */
  missed: number;
  openDisputes: number;
  /** Whether the commitment has been unfolded, so that it can be disputed. */
  unfolded: boolean;
  /** Hash of all that was agreed, and of the commitment from then on; openings and moves of disputes name the commitment by it. */
  digest: Hex;
  /** Last second for the next step: a claim, the commitment, or a challenge. */
  deadline: number;
  requester: Address;
  /** Undefined before the first claim and after a reopening. */
  executor: Address | undefined;
  programRoot: Hex;
  inputRoot: Hex;
  /** Undefined before the commitment of this attempt. */
  traceRoot: Hex | undefined;
  outputRoot: Hex | undefined;
  fee: bigint;
  collateral: bigint;
  claimWindow: number;
  deliveryWindow: number;
  challengeWindow: number;
  /** Seconds since the epoch after which nobody may claim. */
  expiry: number;
  /** Who is told the final result, with so much gas. */
  consumer: Address | undefined;
  callbackGas: number;
}

/**
 * Where a dispute stands, and how many real leaves the tree has that it descends. Of a demand: the step, its tensor and the
 * tensor's length, and the element as `index`.
 */
export interface DisputePosition extends GamePosition {
  leaves: number;
}

/** All that the chain knows of a dispute. */
export interface Dispute {
  id: bigint;
  jobId: bigint;
  attempt: number;
  phase: DisputePhase;
  outcome: DisputeOutcome;
  turn: number;
  turnStart: number;
  /** Last second for the side to move; 0 once ended. */
  deadline: number;
  challengerClock: number;
  defenderClock: number;
  challenger: Address;
  /** Elements that the challenger has demanded; 0 unless it demands, instead of refuting or bisecting. */
  demands: number;
  /** What the challenger has put up so far, wei; one bond for each demand. */
  bond: bigint;
  /** Undefined unless the challenger has sealed a refutation, at the opening or later. */
  seal: Hex | undefined;
  /** When it did; the refutation may come `rules.sealAge` later. 0 without a seal. */
  sealedAt: number;
  position: DisputePosition;
}

/** The money of one account, wei. */
export interface StakeAccount {
  free: bigint;
  locked: bigint;
  pending: bigint;
  /** When `pending` can be withdrawn; 0 if nothing is pending. */
  availableAt: number;
  credits: bigint;
}

export interface Model {
  id: bigint;
  programRoot: Hex;
  stepsRoot: Hex;
  blocksRoot: Hex;
  stepCount: number;
  blockCount: number;
  traceCount: number;
}

/** What is fixed at deployment: seconds and wei. */
export interface Parameters {
  limits: {
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
  };
  rules: { bond: bigint; clock: number; extension: number; demandBond: bigint; maxDemands: number; sealAge: number };
  withdrawalDelay: number;
  maxDisputeDuration: number;
  burnAddress: Address;
}
