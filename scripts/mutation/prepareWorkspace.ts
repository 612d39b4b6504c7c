import { cpSync, existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { findMutants, instrument, type Mutant } from "./findMutants.ts";
import { parseContracts } from "./parseContracts.ts";
import type { Suite } from "./suites.ts";

/** What the tests and the build of the contracts need. */
const copied = ["contracts", "test/contracts", "test/protocol", "test/support", "runtime", "protocol", "hardhat.config.ts", "vitest.config.ts", "package.json", "tsconfig.json"];
const SWITCH = "contracts/MutantSwitch.sol";

/** The address of the chain's miner chooses the mutant: it costs two gas to read and no test looks at it. */
const MINER = 0x6d75_0000_0000;
export const minerOf = (id: number): string => `0x${(MINER + id).toString(16).padStart(40, "0")}`;
/** With this one no mutant is on, and the chain is told of each that would have had a say. */
export const recorder = minerOf(0xff_ffff);
/** Where the chain in this process listens for what was reached. */
const LISTENER = "0xc0bEc0BEc0BeC0bEC0beC0bEC0bEC0beC0beC0BE";

const latin1 = (file: string): string => readFileSync(file, "latin1");

/** Solidity files below a folder, relative to `root`. */
function solidityIn(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sol")).map((name) => path.join(folder, name)).sort();
}

/**
 * Copies the project to `folder` with those mutants of `targets` that `choose` picks built into the contracts at once, so that one build
 * serves them all. A change that the compiler refuses is left out.
 */
export function prepareWorkspace(root: string, folder: string, targets: readonly string[], choose: (all: Mutant[]) => Mutant[]): { mutants: Mutant[]; found: number; refused: number } {
  for (const item of copied) cpSync(path.join(root, item), path.join(folder, item), { recursive: true });
  if (!existsSync(path.join(folder, "node_modules"))) symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const files = solidityIn(root, "contracts");
  const { trees, errors } = parseContracts(root, files);
  if (errors.length > 0) throw new GainsayError("The contracts do not compile as they are.", { code: "MUTATION_FAILED", details: { error: errors[0]?.message } });

  let all: Mutant[] = [];
  for (const file of targets) {
    const tree = trees.get(file);
    if (tree === undefined) throw new GainsayError("There is no such contract to mutate.", { code: "MUTATION_FAILED", kind: "usage", details: { file } });
    all.push(...findMutants(file, latin1(path.join(root, file)), tree, all.length + 1, (id) => `mutantIsOn(${id})`));
  }
  const found = all.length;
  all = choose(all);
  const chosen = all.length;
  for (;;) {
    const changed = new Map(files.map((file) => [file, inView(withMutants(root, file, all))]));
    changed.set(SWITCH, switchSource());
    const { errors: refusals } = parseContracts(root, [...files, SWITCH], changed);
    if (refusals.length === 0) {
      for (const [file, text] of changed) writeFileSync(path.join(folder, file), text);
      break;
    }
    // The innermost mutant around the place of an error is the one that made it.
    const blamed = new Set(refusals.map(({ file, start }) => (file === SWITCH ? undefined : blame(root, file, all, start))));
    if (blamed.has(undefined)) throw new GainsayError("The contracts do not compile with mutants, and none of these is to blame.", { code: "MUTATION_FAILED", details: { ...refusals[0] } });
    all = all.filter(({ id }) => !blamed.has(id));
  }
  for (const file of solidityIn(root, "test/contracts")) writeFileSync(path.join(folder, file), inView(readFileSync(path.join(root, file), "utf8")));
  writeFileSync(path.join(folder, "hardhat.config.ts"), configSource());
  for (const name of readdirSync(path.join(import.meta.dirname, "harness"))) cpSync(path.join(import.meta.dirname, "harness", name), path.join(folder, "test", name));
  return { mutants: all, found, refused: chosen - all.length };
}

/** Test files in the order of what they cost; what they define can be run again and again in one process. Relative to the workspace's `test`. */
export function gatherTests(root: string, folder: string, { scenarios, stateless }: Suite): string[] {
  const others = stateless ? [] : readdirSync(path.join(root, "test/contracts"), { encoding: "utf8" }).filter((name) => name.endsWith(".test.ts")).map((name) => name.slice(0, -".test.ts".length));
  // Gas and interfaces are other with any mutant in the build.
  return [...scenarios, ...others.filter((name) => !scenarios.includes(name) && !["gas", "abis"].includes(name)).sort()].map((name) => {
    const text = readFileSync(path.join(root, "test/contracts", `${name}.test.ts`), "utf8");
    const to = path.join("contracts", `${name}.gathered.ts`);
    writeFileSync(path.join(folder, "test", to), gathered(text, path.relative(path.dirname(to), "collect.ts")));
    return to;
  });
}

function gathered(text: string, collect: string): string {
  const imports = [...text.matchAll(/^import [\s\S]*?;\n/gm)].map(([one]) => one);
  const body = imports.reduce((rest, one) => rest.replace(one, ""), text);
  const fromCollect = imports.map((one) => {
    const match = /^import \{([^}]*)\} from "vitest";\n$/.exec(one);
    if (match === null) return one;
    const mine = (match[1] as string).split(",").map((name) => name.trim()).filter((name) => name !== "expect" && name !== "");
    return `import { expect } from "vitest";\nimport { ${mine.join(", ")} } from "${collect}";\n`;
  });
  return `${fromCollect.join("")}\nexport function define(): void {\n${body}}\n`;
}

function switchSource(): string {
  return `// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

function mutantIsOn(uint256 id) view returns (bool) {
    uint256 miner = uint160(address(block.coinbase));
    if (miner == ${Number(recorder)}) {
        assembly ("memory-safe") {
            mstore(0, id)
            pop(staticcall(gas(), ${LISTENER}, 0, 32, 0, 0))
        }
    }
    return miner == ${MINER} + id;
}
`;
}

function withMutants(root: string, file: string, all: readonly Mutant[]): string {
  const text = latin1(path.join(root, file));
  const mine = all.filter((mutant) => mutant.file === file);
  const body = mine.length === 0 ? text : withImport(file, instrument(text, mine));
  return Buffer.from(body, "latin1").toString("utf8");
}

function withImport(file: string, text: string): string {
  const target = path.relative(path.dirname(file), SWITCH);
  return text.replace(/^pragma [^\n]*\n/m, (line) => `${line}import {mutantIsOn} from "${target.startsWith(".") ? target : `./${target}`}";\n`);
}

/** A function that asks for its mutant reads the chain. Lengths stay, so that places of errors do. */
function inView(text: string): string {
  return text.replace(/\bpure\b/g, "view");
}

/** The mutant whose text the error is in; places are counted in the instrumented text. */
function blame(root: string, file: string, all: readonly Mutant[], start: number): number | undefined {
  const mine = all.filter((mutant) => mutant.file === file);
  const before = Buffer.from(withMutants(root, file, mine)).subarray(0, start).toString("latin1");
  const open = [...before.matchAll(/mutantIsOn\((\d+)\)/g)].map((match) => Number(match[1]));
  return open.at(-1);
}

function configSource(): string {
  return `import { fileURLToPath } from "node:url";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatViem from "@nomicfoundation/hardhat-viem";
import { defineConfig } from "hardhat/config";
import { definePlugin } from "hardhat/plugins";

// Told of every mutant that was reached; only where somebody records, since it costs time.
const reached = (globalThis as { reached?: Set<number> }).reached;
const listener = definePlugin({
  id: "mutants",
  hookHandlers: {
    network: async () => ({
      default: async () => ({ onCoverageData: async (_: unknown, tags: string[]) => tags.forEach((tag) => reached?.add(Number.parseInt(tag, 16))) }),
    }),
  },
});

const solcPath = fileURLToPath(import.meta.resolve("solc/soljson.js"));
const coinbase = process.env["GAINSAY_MINER"] ?? "${minerOf(0)}";
// Contracts with all of their mutants are larger than a chain allows. An endless mutant ends when a block is full.
const network = { type: "edr-simulated", coinbase, allowUnlimitedContractSize: true, blockGasLimit: 150_000_000, hardfork: "prague" } as const;

export default defineConfig({
  plugins: [hardhatViem, hardhatNetworkHelpers, ...(reached === undefined ? [] : [listener])],
  solidity: {
    compilers: [
      { version: "0.8.37", path: solcPath, settings: { viaIR: true, evmVersion: "cancun", optimizer: { enabled: false, details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: "u" } } } } },
    ],
  },
  networks: { default: network, hardhat: network },
  test: { solidity: { coinbase } },
  paths: { sources: "./contracts", tests: { solidity: "./test/contracts" } },
});
`;
}
