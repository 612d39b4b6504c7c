import { parseEther, parseGwei, zeroHash, type Hex } from "viem";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { collectCredits } from "../../../runtime/chain/calls/collectCredits.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { requestWithdrawal } from "../../../runtime/chain/calls/requestWithdrawal.ts";
import { withdrawStake } from "../../../runtime/chain/calls/withdrawStake.ts";
import { isRevert } from "../../../runtime/chain/revertError.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { createSender } from "../../../runtime/chain/createSender.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createMetrics } from "../../../runtime/telemetry/createMetrics.ts";
import { startLocalChain, until, type LocalChain } from "./localChain.ts";
import { startMisbehavingProxy } from "./misbehavingProxy.ts";

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterEach(() => local.auto());
afterAll(() => local.stop());

const free = async (address: Hex): Promise<bigint> => (await getStakeAccount(local.chain, address)).free;
const sent = (address: Hex): Promise<number> => local.chain.client.getTransactionCount({ address });

interface PoolTransaction {
  hash: Hex;
  from: Hex;
  nonce: Hex;
  maxFeePerGas: Hex;
  to: Hex;
}
const pool = async (address: Hex): Promise<PoolTransaction[]> =>
  ((await local.rpc("eth_pendingTransactions")) as PoolTransaction[]).filter(({ from }) => from.toLowerCase() === address.toLowerCase());

describe("createSender", () => {
  it("serialises calls that are made at once", async () => {
    const [a, b] = [await local.sender(), await local.sender()];
    const amounts = Array.from({ length: 8 }, (_, i) => BigInt(i + 1));
    const receipts = await Promise.all(amounts.flatMap((amount) => [depositStake(a, amount), depositStake(b, amount)]));
    expect(new Set(receipts.map(({ transactionHash }) => transactionHash)).size).toBe(16);
    expect(await free(a.address)).toBe(36n);
    expect(await free(b.address)).toBe(36n);
    expect(await sent(a.address)).toBe(8);
  });

  it("names the contract's error before it spends anything, and goes on", async () => {
    const sender = await local.sender();
    const results = await Promise.allSettled([depositStake(sender, 5n), requestWithdrawal(sender, 6n), depositStake(sender, 7n), withdrawStake(sender), collectCredits(sender)]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "rejected"]);
    const errors = results.map((result) => (result.status === "rejected" ? (result.reason as unknown) : undefined));
    expect(errors[1]).toMatchObject({
      code: "CONTRACT_REVERTED",
      message: expect.stringContaining("stake deposit") as string,
      details: { name: "InsufficientStake", args: { account: sender.address, free: 5n, needed: 6n } },
    });
    expect(isRevert(errors[3], "NothingToMove")).toBe(true);
    expect(await sent(sender.address)).toBe(2);
    expect(await free(sender.address)).toBe(12n);
  });

  it("says which account lacks how much", async () => {
    const sender = await local.sender();
    for (const amount of [parseEther("1000"), parseEther("100")]) {
      const error: unknown = await depositStake(sender, amount).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "CHAIN_NO_FUNDS", kind: "usage", details: { account: sender.address, balance: parseEther("100") } });
      expect((error as { details: { needed: bigint } }).details.needed).toBeGreaterThanOrEqual(amount);
      expect(String(error)).toContain(sender.address);
    }
  });

  it("explains a call that was sound when simulated and reverted when included", async () => {
    const header: ProgramHeader = { version: 1, graph: zeroHash, inputs: zeroHash, stepsRoot: zeroHash, blocksRoot: zeroHash, stepCount: 1, blockCount: 1, inputCount: 1, traceCount: 1, outputs: [0] };
    const [first, second] = [await local.sender(), await local.sender()];
    await local.manual();
    const results = Promise.allSettled([registerModel(first, header, zeroHash, "a"), registerModel(second, header, zeroHash, "b")]);
    await until("both transactions are pending", async () => (await pool(first.address)).length + (await pool(second.address)).length === 2);
    await local.mine();
    const settled = await results;
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const failure = settled.find((result) => result.status === "rejected")?.reason as unknown;
    expect(failure).toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "AlreadyRegistered", transaction: expect.stringMatching(/^0x/) as string } });
    await local.auto();
    await depositStake(first, 1n);
    await depositStake(second, 1n);
  });

  it("replaces a transaction that is not included at a higher fee, and counts it once", async () => {
    const sender = await local.sender({ replaceAfterMs: 60 });
    await local.manual();
    const receipt = depositStake(sender, 9n);
    const fees: bigint[] = [];
    await until("the fee has been raised twice", async () => {
      const [transaction, ...more] = await pool(sender.address);
      expect(more).toEqual([]);
      const fee = BigInt(transaction?.maxFeePerGas ?? 0);
      if (fee !== 0n && fee !== fees.at(-1)) fees.push(fee);
      return fees.length >= 3;
    });
    await local.mine();
    expect((await receipt).status).toBe("success");
    expect(fees[1]).toBeGreaterThanOrEqual(((fees[0] as bigint) * 110n) / 100n);
    expect(await free(sender.address)).toBe(9n);
    expect(await sent(sender.address)).toBe(1);
  });

  it("counts transactions by outcome and the gas they took", async () => {
    const metrics = createMetrics({ process: false });
    const sender = createSender({ account: await local.account(), chain: local.chain, pollingIntervalMs: 20 }, { logger: silentLogger(), metrics });
    const { gasUsed } = await depositStake(sender, 1n);
    await expect(withdrawStake(sender)).rejects.toThrow();
    const text = await metrics.text();
    expect(text).toContain('gainsay_transactions_total{call="deposit",outcome="included"} 1');
    expect(text).toContain('gainsay_transactions_total{call="withdraw",outcome="CONTRACT_REVERTED"} 1');
    expect(text).toContain(`gainsay_transaction_gas_total{call="deposit"} ${gasUsed}`);
  });

  it("keeps its fee limit", async () => {
    const sender = await local.sender({ maxFeePerGas: 1n });
    await expect(depositStake(sender, 1n)).rejects.toMatchObject({ code: "CHAIN_FEE_TOO_HIGH", retryable: true });
  });

  it("simulates and sends again when another transaction of the account took its nonce", async () => {
    const account = await local.account();
    const sender = createSender({ account, chain: local.chain, pollingIntervalMs: 20 }, { logger: silentLogger() });
    await local.manual();
    const receipt = depositStake(sender, 3n);
    await until("the deposit is pending", async () => (await pool(account.address)).length === 1);
    const raw = await account.signTransaction({ type: "eip1559", chainId: 31337, nonce: 0, to: account.address, value: 0n, gas: 21_000n, maxFeePerGas: parseGwei("300"), maxPriorityFeePerGas: parseGwei("100") });
    await local.chain.client.sendRawTransaction({ serializedTransaction: raw });
    await local.mine();
    await until("the deposit is pending again", async () => (await pool(account.address)).some(({ nonce }) => BigInt(nonce) === 1n));
    await local.mine();
    expect((await receipt).status).toBe("success");
    expect(await free(account.address)).toBe(3n);
    expect(await sent(account.address)).toBe(2);
  });

  it("reads the nonce again when another process has used the account meanwhile", async () => {
    const account = await local.account();
    const [a, b] = [0, 1].map(() => createSender({ account, chain: local.chain, pollingIntervalMs: 20 }, { logger: silentLogger() }));
    if (a === undefined || b === undefined) throw new Error("unreachable");
    for (let i = 0; i < 3; i++) {
      await depositStake(a, 1n);
      await depositStake(b, 1n);
    }
    expect(await free(account.address)).toBe(6n);
    expect(await sent(account.address)).toBe(6);
  });

  it("sends once though the answers to its broadcast are lost and the endpoint goes away for a while", async () => {
    const proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
    const chain = await local.connect({ rpcUrls: [proxy.url] });
    const sender = await local.sender({ chain });
    let lost = 0;
    let cut = 0;
    proxy.behave = (method) => {
      if (method === "eth_sendRawTransaction" && lost < 2) {
        lost++;
        return "lose";
      }
      if (lost > 0 && cut < 5) {
        cut++;
        return "cut";
      }
      return "pass";
    };
    expect((await depositStake(sender, 4n)).status).toBe("success");
    expect(cut).toBe(5);
    expect(await free(sender.address)).toBe(4n);
    expect(await sent(sender.address)).toBe(1);
    proxy.behave = () => "cut";
    await expect(depositStake(sender, 4n)).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE", retryable: true });
    proxy.behave = () => "pass";
    await depositStake(sender, 4n);
    expect(await free(sender.address)).toBe(8n);
    await proxy.stop();
  });

  it("gives up on abort, in the queue and while it waits, and still serves the next call", async () => {
    const sender = await local.sender();
    await local.manual();
    const [waiting, queued] = [new AbortController(), new AbortController()];
    const first = depositStake(sender, 1n, { signal: waiting.signal });
    const second = depositStake(sender, 2n, { signal: queued.signal });
    queued.abort();
    await expect(second).rejects.toMatchObject({ code: "ABORTED" });
    await until("the first deposit is pending", async () => (await pool(sender.address)).length === 1);
    waiting.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    await local.mine();
    await local.auto();
    await depositStake(sender, 4n);
    // The first one was out when it was given up, and counts; the second one never left.
    expect(await free(sender.address)).toBe(5n);
  });

  it("goes back with the chain when a reorganisation took its transactions away", async () => {
    const sender = await local.sender();
    await depositStake(sender, 1n);
    const snapshot = await local.rpc("evm_snapshot");
    await depositStake(sender, 2n);
    await depositStake(sender, 3n);
    await local.rpc("evm_revert", [snapshot]);
    await local.mine(4);
    expect(await sent(sender.address)).toBe(1);
    await depositStake(sender, 4n);
    expect(await free(sender.address)).toBe(5n);
    expect(await sent(sender.address)).toBe(2);
  });

  it("trusts its own count where a node is behind", async () => {
    const proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
    const sender = await local.sender({ chain: await local.connect({ rpcUrls: [proxy.url] }) });
    await depositStake(sender, 1n);
    let behind = 0;
    proxy.behave = (method, [, tag]) => (method === "eth_getTransactionCount" && tag === "pending" && behind++ === 0 ? { result: "0x0" } : "pass");
    await depositStake(sender, 2n);
    expect(behind).toBe(1);
    expect(await free(sender.address)).toBe(3n);
    await proxy.stop();
  });

  it("closes the gap that a reorganisation leaves before a transaction that waits, and makes that call once", async () => {
    const sender = await local.sender({ replaceAfterMs: 60 });
    await depositStake(sender, 10n);
    await local.manual();
    const snapshot = await local.rpc("evm_snapshot");
    const first = depositStake(sender, 1n);
    await until("the first deposit is pending", async () => (await pool(sender.address)).length === 1);
    await local.mine();
    await first;
    const second = depositStake(sender, 2n);
    await until("the second deposit is pending", async () => (await pool(sender.address)).some(({ nonce }) => BigInt(nonce) === 2n));
    await local.rpc("evm_revert", [snapshot]);
    await local.mine();
    await until("both nonces are in the pool", async () => (await pool(sender.address)).length === 2);
    await local.mine();
    expect((await second).status).toBe("success");
    expect(await free(sender.address)).toBe(12n);
    expect(await sent(sender.address)).toBe(3);
  });

  it("gives a transaction up that is never included", async () => {
    let clock = 0;
    const account = await local.account();
    const sender = createSender({ account, chain: local.chain, pollingIntervalMs: 5, replaceAfterMs: 1e9, giveUpAfterMs: 1_000 }, { logger: silentLogger(), now: () => (clock += 100) });
    await local.manual();
    await expect(depositStake(sender, 1n)).rejects.toMatchObject({ code: "CHAIN_TX_TIMEOUT", retryable: true });
  });
});
