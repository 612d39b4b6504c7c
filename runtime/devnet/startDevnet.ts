import { existsSync } from "node:fs";
import path from "node:path";
import { createPublicClient, createWalletClient, http, type Address, type PublicClient } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { chainError } from "../chain/chainError.ts";
import { deployContracts } from "../chain/deploy.ts";
import { deploymentConfigs, type DeploymentConfig } from "../chain/deploymentConfig.ts";
import type { Deployment } from "../config/deployment.ts";
import { writeDeployment } from "../config/writeDeployment.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { createDevnetKeys, type DevnetKey } from "./createDevnetKeys.ts";
import { artifactsFolder } from "./packageRoot.ts";
import { spawnNode, type NodeProcess } from "./spawnNode.ts";

export const DEVNET_CHAIN_ID = 31337;
export const devnetAccounts = ["executor-1", "executor-2", "watcher-1", "requester"] as const;

export interface DevnetOptions {
  /** Data folder: keys, password file and `deployments/31337.json` are written there. */
  home: string;
  /** 0 takes a free one. Default 8545. */
  port?: number;
  /** Default 127.0.0.1: everybody who reaches the port commands the chain. */
  host?: string;
  /** Names of the keystores that exist, with money, afterwards. */
  accounts?: readonly string[];
  /** wei for each account. Default 1000 ether. */
  balance?: bigint;
  /** Windows, clocks and amounts of the deployment. */
  config?: DeploymentConfig;
  /** The compiler's output. Default: that of this package. */
  artifactsDir?: string;
  signal?: AbortSignal;
}

export interface Devnet {
  rpcUrl: string;
  port: number;
  chainId: number;
  /** Process of the chain. */
  pid: number;
  deployment: Deployment;
  deploymentFile: string;
  keys: DevnetKey[];
  /** Opens the keystores. */
  passwordFile: string;
  /** Resolves when the chain's process is gone, whether stopped or not. */
  exited: NodeProcess["exited"];
  stop(): Promise<void>;
}

/**
 * Runs a Hardhat node as a process of its own, deploys the contracts, makes the keystores of the named accounts and gives them money.
 * @throws GainsayError `DEVNET_NOT_BUILT`, `DEVNET_PORT_IN_USE`, `DEVNET_FAILED`, `DEPLOYMENT_FAILED`, `FILE_NOT_WRITABLE`, `ABORTED`.
 */
export async function startDevnet(options: DevnetOptions, { logger }: { logger: Logger }): Promise<Devnet> {
  const artifactsDir = options.artifactsDir ?? artifactsFolder();
  if (!existsSync(path.join(artifactsDir, "contracts", "Disputes.sol", "Disputes.json"))) {
    throw new GainsayError("The contracts are not compiled; run `npm run setup` first.", { code: "DEVNET_NOT_BUILT", kind: "usage", details: { folder: artifactsDir } });
  }
  const node = await spawnNode({ host: options.host ?? "127.0.0.1", port: options.port ?? 8545, signal: options.signal });
  try {
    const transport = http(node.rpcUrl, { timeout: 20_000, retryCount: 2 });
    const publicClient = createPublicClient({ transport, pollingInterval: 50, cacheTime: 0 }) as PublicClient;
    const request = publicClient.request as (call: { method: string; params?: unknown[] }) => Promise<unknown>;
    await request({ method: "hardhat_setLoggingEnabled", params: [false] });
    const [deployer] = (await request({ method: "eth_accounts" })) as Address[];
    const walletClient = createWalletClient({ account: deployer as Address, transport });
    const deployment = await deployContracts({ walletClient, publicClient, artifactsDir, config: options.config ?? deploymentConfigs.devnet });
    const { keys, passwordFile } = await createDevnetKeys(options.home, options.accounts ?? devnetAccounts);
    const balance = `0x${(options.balance ?? 1000n * 10n ** 18n).toString(16)}`;
    for (const { address } of keys) await request({ method: "hardhat_setBalance", params: [address, balance] });
    // Last, because its presence tells others that the devnet is ready.
    const deploymentFile = await writeDeployment(options.home, deployment);
    logger.info({ rpcUrl: node.rpcUrl, chainId: DEVNET_CHAIN_ID, deploymentFile }, "devnet started");
    const { rpcUrl, port, pid, exited, stop } = node;
    return { rpcUrl, port, pid, exited, stop, chainId: DEVNET_CHAIN_ID, deployment, deploymentFile, keys, passwordFile };
  } catch (error) {
    await node.stop();
    throw chainError(error);
  }
}
