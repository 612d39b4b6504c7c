import { existsSync } from "node:fs";
import path from "node:path";
import { Command, Option } from "commander";
import { createPublicClient, createWalletClient, type Address, type PublicClient } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import { ETHER, type Asset } from "../../../runtime/assets/asset.ts";
import { chainError } from "../../../runtime/chain/chainError.ts";
import { createTransport } from "../../../runtime/chain/createTransport.ts";
import { deployContracts } from "../../../runtime/chain/deploy.ts";
import { deploymentConfigs, type DeploymentConfig } from "../../../runtime/chain/deploymentConfig.ts";
import { readAsset } from "../../../runtime/chain/reads/getAsset.ts";
import type { ContractName } from "../../../runtime/config/deployment.ts";
import { writeDeployment } from "../../../runtime/config/writeDeployment.ts";
import { artifactsFolder } from "../../../runtime/devnet/packageRoot.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import { amount, unitsOf, type Amount } from "../../amount.ts";
import { address } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

interface Flags {
  preset: keyof typeof deploymentConfigs;
  replace?: boolean;
  token?: Address;
  minCollateral?: Amount;
  rewardCap?: Amount;
  bond?: Amount;
  demandBond?: Amount;
}

/** `gainsay deploy` */
export function deployCommand(shell: Shell): Command {
  return new Command("deploy")
    .description("deploy the contracts to the chain of --rpc and --chain-id, and write their addresses where all commands find them")
    .addOption(new Option("--preset <name>", "windows, clocks and amounts, fixed for good; see docs/contracts.md").choices(Object.keys(deploymentConfigs)).default("production"))
    .option("--token <address>", "ERC-20 token in which everything is paid, for good; amounts of the preset and of these flags are then whole tokens instead of ether (default: ether)", address)
    .option("--min-collateral <amount>", "least collateral of a job (default: the preset's)", amount)
    .option("--reward-cap <amount>", "the most that a conviction earns (default: the preset's)", amount)
    .option("--bond <amount>", "bond of a refutation or a bisection (default: the preset's)", amount)
    .option("--demand-bond <amount>", "bond of each demand (default: the preset's)", amount)
    .option("--replace", "write over the addresses of an earlier deployment to this chain")
    .action(
      action(shell, async (context, { preset, replace, token, ...amounts }: Flags) => {
        const { settings, paths, progress, output } = context;
        const artifactsDir = artifactsFolder();
        if (!existsSync(path.join(artifactsDir, "contracts", "Disputes.sol", "Disputes.json"))) {
          throw new GainsayError("The contracts are not compiled; run `npm run setup` first.", { code: "CONTRACTS_NOT_BUILT", kind: "usage", details: { folder: artifactsDir } });
        }
        const file = path.join(paths.deployments, `${settings.chainId}.json`);
        if (existsSync(file) && replace !== true) {
          throw new GainsayError(`There is a deployment to chain ${settings.chainId} in ${file}; give --replace to forget its addresses.`, { code: "DEPLOYMENT_EXISTS", kind: "usage", details: { file } });
        }
        const transport = createTransport({ rpcUrls: settings.rpcUrls });
        const publicClient = createPublicClient({ transport }) as PublicClient;
        const served = await publicClient.getChainId().catch((error: unknown) => {
          throw chainError(error);
        });
        if (served !== settings.chainId) {
          throw new GainsayError(`The node serves chain ${served}, but chain ${settings.chainId} was asked for; give --chain-id ${served} if that is the one you mean.`, { code: "CHAIN_WRONG_ID", kind: "usage", details: { actual: served, expected: settings.chainId } });
        }
        const walletClient = createWalletClient({ account: await context.account(), transport });
        progress.update(`deploying the contracts to chain ${served}, preset ${preset}`);
        const asset = token === undefined ? ETHER : await readAsset(publicClient, token);
        const deployment = await deployContracts({ walletClient, publicClient, artifactsDir, token, config: withAmounts(deploymentConfigs[preset], amounts, asset) });
        const deploymentFile = await writeDeployment(paths.home, deployment);
        progress.end();
        const names = Object.keys(deployment.contracts) as ContractName[];
        output.result({ ...deployment, preset, deploymentFile }, [
          ...pairs([["chain", String(served)], ["paid in", token === undefined ? asset.symbol : `${asset.symbol}, ${token}`], ...names.map((name): [string, string] => [name, deployment.contracts[name]]), ["addresses", deploymentFile]]),
        ]);
      }),
    );
}

/** The preset with these amounts. The preset's are whole coins in 18 decimals, and come out in those of the asset. */
function withAmounts({ limits, rules, ...rest }: DeploymentConfig, amounts: Pick<Flags, "minCollateral" | "rewardCap" | "bond" | "demandBond">, asset: Asset): DeploymentConfig {
  const chosen = (given: Amount | undefined, preset: bigint): bigint => (given === undefined ? (preset * 10n ** BigInt(asset.decimals)) / 10n ** 18n : unitsOf(given, asset));
  return {
    ...rest,
    limits: { ...limits, minCollateral: chosen(amounts.minCollateral, limits.minCollateral), rewardCap: chosen(amounts.rewardCap, limits.rewardCap) },
    rules: { ...rules, bond: chosen(amounts.bond, rules.bond), demandBond: chosen(amounts.demandBond, rules.demandBond) },
  };
}
