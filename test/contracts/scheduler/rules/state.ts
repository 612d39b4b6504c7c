import { parties, type Party, type Seal, type TensorName } from "./calls.ts";
import type { Program } from "./program.ts";

/** The parameters of a deployment and the terms of its one job: what contracts.md calls limits, rules and terms. */
export interface Setting {
  program: Program;
  fee: bigint;
  collateral: bigint;
  rewardCap: bigint;
  claimWindow: number;
  deliveryWindow: number;
  challengeWindow: number;
  /** Seconds from the submission to the expiry of the job. */
  lifetime: number;
  bond: bigint;
  demandBond: bigint;
  clock: number;
  extension: number;
  sealAge: number;
  maxDemands: number;
  withdrawalDelay: number;
  /** The elements, of any step, that the judge finds false. */
  falseElements: readonly number[];
}

export interface Account {
  free: bigint;
  locked: bigint;
  pending: bigint;
  availableAt: number;
  credits: bigint;
}

export type JobStatus = "none" | "open" | "claimed" | "committed" | "final" | "cancelled";

export interface Job {
  status: JobStatus;
  requester: Party | null;
  executor: Party | null;
  deadline: number;
  expiry: number;
  attempt: number;
  missed: number;
  barred: Party[];
  /** The second in which a missed delivery reopened it: a second holds one block here. */
  reopenedAt: number | null;
  commitment: string | null;
  unfolded: boolean;
}

export type Phase =
  | "sealed" | "reveal" | "choose" | "revealChunk" | "refute"
  | "expand" | "expanded" | "answer" | "demand" | "ended";
export type Outcome = "none" | "challengerWon" | "defenderWon" | "void";
export type Side = "challenger" | "defender";

/** Where a descent stands: `levels` below the current node remain in `tree`, which starts at leaf `first`. */
export interface Place {
  tree: "trace" | "inner" | "tensor";
  tensor: TensorName | null;
  levels: number;
  first: number;
  leaves: number;
  /** Whether the current node is still the root with its domain and count. */
  atRoot: boolean;
}

export interface Dispute {
  challenger: Party;
  attempt: number;
  commitment: string;
  phase: Phase;
  outcome: Outcome;
  turn: number;
  turnStart: number;
  clocks: Record<Side, number>;
  bond: bigint;
  seal: Seal | null;
  sealedAt: number | null;
  place: Place | null;
  /** The block whose inner trace is asked for or known. */
  block: number | null;
  innerRoot: string | null;
  asked: { step: number; element: number } | null;
  demands: number;
}

export interface State {
  now: number;
  accounts: Record<Party, Account>;
  burnt: bigint;
  job: Job;
  disputes: Dispute[];
}

export function startState(now: number, stakes: Partial<Record<Party, bigint>>): State {
  const account = (party: Party): Account => ({ free: stakes[party] ?? 0n, locked: 0n, pending: 0n, availableAt: 0, credits: 0n });
  return {
    now,
    accounts: Object.fromEntries(parties.map((party) => [party, account(party)])) as Record<Party, Account>,
    burnt: 0n,
    job: {
      status: "none", requester: null, executor: null, deadline: 0, expiry: 0, attempt: 0, missed: 0, barred: [],
      reopenedAt: null, commitment: null, unfolded: false,
    },
    disputes: [],
  };
}

/** A copy of what calls change; places, seals and questions are replaced as a whole, so both may share them. */
export function copyOf(state: State): State {
  const accounts = Object.fromEntries(parties.map((party) => [party, { ...state.accounts[party] }])) as Record<Party, Account>;
  const disputes = state.disputes.map((dispute) => ({ ...dispute, clocks: { ...dispute.clocks } }));
  return { ...state, accounts, job: { ...state.job, barred: [...state.job.barred] }, disputes };
}
