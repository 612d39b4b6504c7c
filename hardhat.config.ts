import { fileURLToPath } from "node:url";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatViem from "@nomicfoundation/hardhat-viem";
import { defineConfig } from "hardhat/config";

// The compiler is the npm package, so that a build needs nothing but the package registry.
const solcPath = fileURLToPath(import.meta.resolve("solc/soljson.js"));

export default defineConfig({
  plugins: [hardhatViem, hardhatNetworkHelpers],
  solidity: {
    compilers: [
      {
        version: "0.8.37",
        path: solcPath,
        settings: { viaIR: true, evmVersion: "cancun", optimizer: { enabled: true, runs: 1_000 } },
      },
    ],
  },
  paths: { sources: "./contracts", tests: { solidity: "./test/contracts" } },
});
