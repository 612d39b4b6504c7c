import type { Address } from "viem";
import type { Chain } from "../../runtime/chain/createChain.ts";
import { getEvents } from "../../runtime/chain/getEvents.ts";

/** How many jobs wait for somebody to work: those without a commitment, and the lies that nobody has convicted yet. */
export function createBacklog(chain: Chain, liar: Address): { read(submitted: number): Promise<number> } {
  let [from, standing, lies] = [chain.deployment.block, 0, 0];
  return {
    async read(submitted) {
      const { number } = await chain.head();
      for (const { name, args } of number < from ? [] : await getEvents(chain, { contract: "jobs", names: ["Committed", "Convicted"], fromBlock: from, toBlock: number })) {
        const change = name === "Committed" ? 1 : -1;
        standing += change;
        if (args.executor.toLowerCase() === liar.toLowerCase()) lies += change;
      }
      from = number + 1n;
      return submitted - standing + lies;
    },
  };
}
