/** Who takes part in a small game. The two executors and the two challengers are equal in rights. */
export const parties = ["requester", "executor", "second", "challenger", "rival", "stranger"] as const;
export type Party = (typeof parties)[number];

/** A tensor of a program: 2 stands for the posted trace, 3 for the inner trace of a block (protocol.md §2). */
export interface TensorName {
  source: 2 | 3;
  index: number;
}

/** A witness as far as the rules of a dispute look at it: what it is about. What the judge says of that, the setting tells. */
export interface Witness {
  step: number;
  element: number;
}

/** A seal on a witness, in the name of `by`; copied, it is the seal of another account. */
export interface Seal {
  by: Party;
  witness: Witness;
}

/** Exactly the money that is asked for, or one wei less or more. */
export type Payment = -1n | 0n | 1n;

/** Whether what a call repeats or proves is what it has to be. */
export type Fit = "right" | "wrong";

interface By {
  by: Party;
}
interface InDispute extends By {
  dispute: number;
}
interface AtTurn extends InDispute {
  turn: number;
}
/** Openings and the moves that make a new statement name the commitment that they are about. */
interface Naming {
  commitment: string;
}
interface Choosing extends AtTurn {
  index: number;
  proof: Fit;
}

export type StakeCall =
  | ({ move: "deposit"; amount: bigint; payment: Payment } & By)
  | ({ move: "requestWithdrawal"; amount: bigint } & By)
  | ({ move: "withdraw" } & By)
  | ({ move: "collect" } & By);

export type JobCall =
  | ({ move: "submit"; payment: Payment } & By)
  | ({ move: "claim"; record: Fit } & By)
  | ({ move: "commit"; record: Fit; commitment: string } & By)
  | ({ move: "expire" | "cancel" | "finalize" | "unfold" | "deliver"; record: Fit } & By);

export type OpeningCall =
  | ({ move: "open"; payment: Payment; seal: Seal | null } & By & Naming)
  | ({ move: "openBlock"; payment: Payment; block: number; proof: Fit } & By & Naming)
  | ({ move: "demand"; payment: Payment; step: number; element: number; block: number | null } & By & Naming);

export type DisputeCall =
  | ({ move: "reveal"; children: "right" | "changed" | "missing" } & AtTurn)
  | ({ move: "choose" } & Choosing)
  | ({ move: "chooseTensor"; step: number } & Choosing)
  | ({ move: "chooseBlock"; block: number } & Choosing)
  | ({ move: "chooseBorder"; step: number; proof: Fit } & AtTurn)
  | ({ move: "revealChunk"; data: "right" | "changed" | "short" } & AtTurn)
  | ({ move: "expand"; block: number; root: string | null } & AtTurn & Naming)
  | ({ move: "descend" } & AtTurn)
  | ({ move: "seal"; seal: Seal | null } & AtTurn)
  | ({ move: "refute"; witness: Witness } & InDispute)
  | ({ move: "answer"; witness: Witness } & AtTurn)
  | ({ move: "demandNext"; payment: Payment; step: number; element: number; block: number | null } & AtTurn & Naming)
  | ({ move: "concede" } & AtTurn & Naming)
  | ({ move: "timeout" | "close" } & InDispute);

/** Several calls of jobs in one transaction, in order; those that are refused leave the others alone. */
export type BatchCall = { move: "batch"; calls: readonly JobCall[] } & By;

export type Call = StakeCall | JobCall | BatchCall | OpeningCall | DisputeCall;
