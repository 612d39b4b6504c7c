import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { createChain, type Chain, type ChainOptions } from "../../../runtime/chain/createChain.ts";
import { createSender, type Sender, type SenderOptions } from "../../../runtime/chain/createSender.ts";
import { startDevnet, type Devnet } from "../../../runtime/devnet/startDevnet.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

/** A real node in a process of its own with the contracts deployed, and hands on its clock and its miner. */
export interface LocalChain {
  devnet: Devnet;
  chain: Chain;
  connect(options?: Partial<ChainOptions>): Promise<Chain>;
  /** A new account with 100 ether. */
  account(): Promise<PrivateKeyAccount>;
  sender(options?: Partial<SenderOptions>): Promise<Sender>;
  rpc(method: string, params?: unknown[]): Promise<unknown>;
  mine(blocks?: number): Promise<void>;
  /** Moves the clock by so many seconds and mines a block. */
  pass(seconds: number): Promise<void>;
  /** Blocks only by `mine` until the next `auto`. */
  manual(): Promise<void>;
  auto(): Promise<void>;
  stop(): Promise<void>;
}

/** `tick`: keep mining a block each second; without it the chain stands still between transactions. */
export async function startLocalChain({ tick = false } = {}): Promise<LocalChain> {
  const home = await mkdtemp(path.join(tmpdir(), "gainsay-chain-"));
  const logger = silentLogger();
  const devnet = await startDevnet({ home, port: 0 }, { logger });
  const connect = (options: Partial<ChainOptions> = {}): Promise<Chain> => createChain({ rpcUrls: [devnet.rpcUrl], deployment: devnet.deployment, retries: 0, ...options }, { logger });
  const chain = await connect();
  const rpc = (method: string, params: unknown[] = []): Promise<unknown> => (chain.client.request as (call: { method: string; params: unknown[] }) => Promise<unknown>)({ method, params });
  const account = async (): Promise<PrivateKeyAccount> => {
    const created = privateKeyToAccount(generatePrivateKey());
    await rpc("hardhat_setBalance", [created.address, "0x56bc75e2d63100000" satisfies Hex]);
    return created;
  };
  if (!tick) await rpc("evm_setIntervalMining", [0]);
  return {
    devnet,
    chain,
    connect,
    account,
    rpc,
    sender: async (options = {}) => createSender({ account: await account(), chain, pollingIntervalMs: 20, ...options }, { logger }),
    async mine(blocks = 1) {
      await rpc("hardhat_mine", [`0x${blocks.toString(16)}`]);
    },
    async pass(seconds) {
      await rpc("evm_increaseTime", [seconds]);
      await rpc("hardhat_mine", ["0x1"]);
    },
    async manual() {
      await rpc("evm_setAutomine", [false]);
    },
    async auto() {
      await rpc("evm_setAutomine", [true]);
    },
    async stop() {
      await devnet.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Waits for a condition that something else brings about, and fails with its description if it does not come. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
