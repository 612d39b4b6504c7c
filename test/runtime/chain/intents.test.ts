import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Hex } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { createSender, type AccountSender } from "../../../runtime/chain/createSender.ts";
import { decodeIntent, encodeIntent } from "../../../runtime/chain/intent.ts";
import { openIntents, type Intents } from "../../../runtime/chain/openIntents.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { startLocalChain, until, type LocalChain } from "./localChain.ts";

let local: LocalChain;
let folder: string;
beforeAll(async () => {
  local = await startLocalChain();
  folder = await mkdtemp(path.join(tmpdir(), "gainsay-intents-"));
});
afterEach(() => local.auto());
afterAll(async () => {
  await local.stop();
  await rm(folder, { recursive: true, force: true });
});

const logger = silentLogger();
const homeOf = (account: PrivateKeyAccount): string => path.join(folder, account.address);
const files = (account: PrivateKeyAccount): Promise<string[]> => readdir(path.join(homeOf(account), "0")).then((names) => names.filter((name) => name.includes(".json")));
const free = async (address: Hex): Promise<bigint> => (await getStakeAccount(local.chain, address)).free;
const inPool = async (address: Hex): Promise<{ maxFeePerGas: Hex; nonce: Hex }[]> =>
  ((await local.rpc("eth_pendingTransactions")) as { from: Hex; maxFeePerGas: Hex; nonce: Hex }[]).filter(({ from }) => from.toLowerCase() === address.toLowerCase());

/** A process of this account: its sender and its records. */
async function start(account: PrivateKeyAccount, replaceAfterMs = 1e9): Promise<{ sender: AccountSender; intents: Intents }> {
  const intents = await openIntents(homeOf(account), { logger });
  if (intents === undefined) throw new Error("unreachable");
  return { intents, sender: createSender({ account, chain: local.chain, pollingIntervalMs: 20, replaceAfterMs }, { logger, intents }) };
}

/** Leaves a deposit in the pool and its record on disk, as a process does that is killed. */
async function killedWhileWaiting(account: PrivateKeyAccount): Promise<void> {
  const { sender, intents } = await start(account);
  const gone = new AbortController();
  const deposit = depositStake(sender, 5n, { signal: gone.signal });
  await until("the deposit is in the pool", async () => (await inPool(account.address)).length === 1);
  gone.abort();
  await expect(deposit).rejects.toMatchObject({ code: "ABORTED" });
  intents.close();
}

describe("records of what is sent", () => {
  it("stand before the broadcast, are readable by their owner alone, and go with the receipt", async () => {
    const account = await local.account();
    await local.manual();
    const { sender, intents } = await start(account);
    const deposit = depositStake(sender, 1n);
    await until("the deposit is in the pool", async () => (await inPool(account.address)).length === 1);
    expect(await files(account)).toEqual(["0.json"]);
    const intent = decodeIntent(await readFile(path.join(homeOf(account), "0", "0.json"), "utf8"));
    expect((await stat(path.join(homeOf(account), "0", "0.json"))).mode & 0o777).toBe(0o600);
    expect(intent).toMatchObject({ call: "deposit", nonce: 0, value: 1n });
    expect(decodeIntent(encodeIntent(intent))).toEqual(intent);
    await local.mine();
    await deposit;
    expect(await files(account)).toEqual([]);
    intents.close();
  });

  it("let the next process raise the fee of what is stuck, before it sends anything else", async () => {
    const account = await local.account();
    await local.manual();
    await killedWhileWaiting(account);
    const [stuck] = await inPool(account.address);
    const { sender, intents } = await start(account, 60);
    expect(intents.left).toHaveLength(1);
    const next = depositStake(sender, 2n);
    await until("its fee is raised", async () => BigInt((await inPool(account.address))[0]?.maxFeePerGas ?? 0) > BigInt(stuck?.maxFeePerGas ?? 0));
    expect((await inPool(account.address)).map(({ nonce }) => BigInt(nonce))).toEqual([0n]);
    await local.mine();
    await local.auto();
    await next;
    expect(await free(account.address)).toBe(7n);
    expect(await files(account)).toEqual([]);
    intents.close();
  });

  it("are forgotten once it was included meanwhile, or when nobody has it", async () => {
    const account = await local.account();
    await local.manual();
    await killedWhileWaiting(account);
    const written = await readFile(path.join(homeOf(account), "0", "0.json"), "utf8");
    await local.mine();
    await local.auto();
    const second = await start(account);
    await second.sender.resume();
    expect(await files(account)).toEqual([]);
    second.intents.close();
    // Killed between record and broadcast: the same record for a nonce that is not used.
    await writeFile(path.join(homeOf(account), "0", "1.json"), encodeIntent({ ...decodeIntent(written), nonce: 1, hashes: [`0x${"12".repeat(32)}`] }));
    const third = await start(account);
    await third.sender.resume();
    expect([await files(account), await inPool(account.address)]).toEqual([[], []]);
    await depositStake(third.sender, 3n);
    expect(await free(account.address)).toBe(8n);
    third.intents.close();
  });

  it("are set aside when damaged, kept apart for each process, and keep nothing from being sent when they cannot be written", async () => {
    const account = await local.account();
    await mkdir(path.join(homeOf(account), "0"), { recursive: true });
    await writeFile(path.join(homeOf(account), "0", "0.json"), '{"version":1,"nonce":');
    const [first, beside] = [await start(account), await start(account)];
    expect(await files(account)).toEqual(["0.json.damaged"]);
    await depositStake(first.sender, 1n);
    await rm(path.join(homeOf(account), "1"), { recursive: true });
    await writeFile(path.join(homeOf(account), "1"), "");
    await depositStake(beside.sender, 2n);
    expect(await free(account.address)).toBe(3n);
    first.intents.close();
    beside.intents.close();
  });
});
