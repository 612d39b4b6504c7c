import { network } from "hardhat";
import { createPublicClient, createWalletClient, custom, parseEther, type Address, type PublicClient } from "viem";
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import type { Chain, Head } from "../../../runtime/chain/createChain.ts";
import { createSender, type Sender } from "../../../runtime/chain/createSender.ts";
import { deployContracts } from "../../../runtime/chain/deploy.ts";
import { deploymentConfigs } from "../../../runtime/chain/deploymentConfig.ts";
import { artifactsFolder } from "../../../runtime/devnet/packageRoot.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

export const arenaRoles = ["requester", "executor", "watcher", "stranger"] as const;
export type ArenaRole = (typeof arenaRoles)[number];

/** A chain in this process with the real contracts and the real judge, funded accounts, and its clock in the test's hands. */
export interface Arena {
  chain: Chain;
  accounts: Record<ArenaRole, PrivateKeyAccount>;
  addresses: Record<ArenaRole, Address>;
  /** The one sender of a role; made anew by `rewind`, since nonces go back too. */
  sender(role: ArenaRole): Sender;
  rpc(method: string, params?: unknown[]): Promise<unknown>;
  /** Mines a block so many seconds after the last one. */
  pass(seconds: number): Promise<Head>;
  /** Remembers the chain's state; call the result to return to it, as often as wanted. */
  checkpoint(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export async function createArena(): Promise<Arena> {
  const connection = await network.create();
  const transport = custom(connection.provider, { retryCount: 0 });
  const client = createPublicClient({ chain: hardhat, transport, pollingInterval: 1, cacheTime: 0 }) as unknown as PublicClient;
  const rpc = (method: string, params: unknown[] = []): Promise<unknown> => connection.provider.request({ method, params });
  const [deployer] = (await rpc("eth_accounts")) as Address[];
  const walletClient = createWalletClient({ account: deployer as Address, chain: hardhat, transport });
  const deployment = await deployContracts({ walletClient, publicClient: client, artifactsDir: artifactsFolder(), config: deploymentConfigs.devnet });
  const logger = silentLogger();
  const head = async (): Promise<Head> => {
    const { number, hash, timestamp } = await client.getBlock({ blockTag: "latest" });
    return { number, hash, timestamp: Number(timestamp) };
  };
  const chain: Chain = { client, deployment, confirmations: 0, logger, now: Date.now, head, headAge: async () => 0, endpoints: () => [], doubtLogs: () => undefined };
  const accounts = Object.fromEntries(arenaRoles.map((role) => [role, privateKeyToAccount(generatePrivateKey())])) as Arena["accounts"];
  for (const { address } of Object.values(accounts)) await rpc("hardhat_setBalance", [address, `0x${parseEther("1000").toString(16)}`]);
  const senders = new Map<ArenaRole, Sender>();

  return {
    chain,
    accounts,
    addresses: Object.fromEntries(arenaRoles.map((role) => [role, accounts[role].address])) as Arena["addresses"],
    sender(role) {
      const sender = senders.get(role) ?? createSender({ account: accounts[role], chain, pollingIntervalMs: 1 }, { logger });
      senders.set(role, sender);
      return sender;
    },
    rpc,
    async pass(seconds) {
      if (seconds > 0) {
        // Blocks of transactions run ahead of the wall clock, so that an increase of that would be lost in part.
        await rpc("evm_setNextBlockTimestamp", [(await head()).timestamp + seconds]);
        await rpc("evm_mine");
      }
      return head();
    },
    async checkpoint() {
      let snapshot = await rpc("evm_snapshot");
      return async () => {
        if ((await rpc("evm_revert", [snapshot])) !== true) throw new Error("the chain did not go back");
        // A snapshot can be returned to once.
        snapshot = await rpc("evm_snapshot");
        senders.clear();
      };
    },
    close: () => connection.close(),
  };
}
