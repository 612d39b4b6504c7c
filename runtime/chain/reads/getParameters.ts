import type { Chain } from "../createChain.ts";
import type { Parameters } from "../types.ts";
import { read } from "./read.ts";

/** What was fixed when the contracts were deployed: bounds of jobs, bond and clocks, delay of withdrawals. */
export async function getParameters(chain: Chain): Promise<Parameters> {
  const [limits, rules, withdrawalDelay, maxDisputeDuration, burnAddress] = await Promise.all([
    read(chain, "jobs", "limits", []),
    read(chain, "disputes", "rules", []),
    read(chain, "stakes", "WITHDRAWAL_DELAY", []),
    read(chain, "disputes", "MAX_DURATION", []),
    read(chain, "stakes", "BURN_ADDRESS", []),
  ]);
  return { limits, rules, withdrawalDelay: Number(withdrawalDelay), maxDisputeDuration: Number(maxDisputeDuration), burnAddress };
}
