import { existsSync } from "node:fs";
import path from "node:path";
import { Command, Option } from "commander";
import { createPublicClient, createWalletClient, type PublicClient } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import { chainError } from "../../../runtime/chain/chainError.ts";
import { createTransport } from "../../../runtime/chain/createTransport.ts";
import { deployContracts } from "../../../runtime/chain/deploy.ts";
import { deploymentConfigs } from "../../../runtime/chain/deploymentConfig.ts";
import type { ContractName } from "../../../runtime/config/deployment.ts";
import { writeDeployment } from "../../../runtime/config/writeDeployment.ts";
import { artifactsFolder } from "../../../runtime/devnet/packageRoot.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import type { Shell } from "../../shell.ts";

interface Flags {
  preset: keyof typeof deploymentConfigs;
  replace?: boolean;
}

/** `gainsay deploy` */
export function deployCommand(shell: Shell): Command {
  return new Command("deploy")
    .description("deploy the contracts to the chain of --rpc and --chain-id, and write their addresses where all commands find them")
    .addOption(new Option("--preset <name>", "windows, clocks and amounts, fixed for good; see docs/contracts.md").choices(Object.keys(deploymentConfigs)).default("production"))
    .option("--replace", "write over the addresses of an earlier deployment to this chain")
    .action(
      action(shell, async (context, { preset, replace }: Flags) => {
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
        const deployment = await deployContracts({ walletClient, publicClient, artifactsDir, config: deploymentConfigs[preset] });
        const deploymentFile = await writeDeployment(paths.home, deployment);
        progress.end();
        const names = Object.keys(deployment.contracts) as ContractName[];
        output.result({ ...deployment, preset, deploymentFile }, [
          ...pairs([["chain", String(served)], ...names.map((name): [string, string] => [name, deployment.contracts[name]]), ["addresses", deploymentFile]]),
        ]);
      }),
    );
}
