import { witnessToAbi } from "../../../protocol/program/codec.ts";
import type { Claim, Verdict, Witness } from "../../../protocol/program/types.ts";
import type { Chain } from "../createChain.ts";
import { read } from "./read.ts";

/** Asks the judge on chain what it would decide, without a transaction (`eth_call`). Throws `CONTRACT_REVERTED` for a malformed witness. */
export function judgeCall(chain: Chain, claim: Claim, witness: Witness): Promise<Verdict> {
  return read(chain, "judge", "judge", [claim, witnessToAbi(witness)]);
}
