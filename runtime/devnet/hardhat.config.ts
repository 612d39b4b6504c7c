import { defineConfig } from "hardhat/config";

/** The chain that `gainsay devnet` runs. It deploys compiled contracts, so it needs no compiler. */
export default defineConfig({
  networks: {
    node: {
      type: "edr-simulated",
      chainId: 31337,
      // A block for each transaction at once, and one each second, so that the clocks of jobs and disputes run.
      mining: { auto: true, interval: 1000 },
      // Otherwise a burst of transactions would push the chain's clock ahead of the machine's, one second a block.
      allowBlocksWithSameTimestamp: true,
    },
  },
});
