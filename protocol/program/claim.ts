import type { Hex } from "../hex.ts";
import type { Claim } from "./types.ts";

const NO_ROOT: Hex = `0x${"00".repeat(32)}`;

/** The inner trace of a block, as its executor has committed it. */
export interface InnerCommitment {
  innerRoot: Hex;
  blockIndex: number;
  innerCount: number;
}

/** The claim that a witness is judged against: of the commitment alone, or together with the inner trace of one block. */
export function claimOf({ programRoot, inputRoot, traceRoot }: Pick<Claim, "programRoot" | "inputRoot" | "traceRoot">, inner?: InnerCommitment): Claim {
  const roots = { programRoot, inputRoot, traceRoot };
  if (inner === undefined || BigInt(inner.innerRoot) === 0n) return { ...roots, innerRoot: NO_ROOT, innerBlock: 0, innerCount: 0 };
  return { ...roots, innerRoot: inner.innerRoot, innerBlock: inner.blockIndex, innerCount: inner.innerCount };
}
