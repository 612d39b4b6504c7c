import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { TransactionReceipt } from "viem";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { disputesAbi } from "../../../runtime/chain/abis.ts";
import { createBudget } from "../../../runtime/chain/createBudget.ts";
import type { ContractCall } from "../../../runtime/chain/contracts.ts";
import type { Sender, SendOptions } from "../../../runtime/chain/createSender.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { temporaryFolder } from "../../cli/helpers.ts";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const call = (functionName: string, value = 0n): ContractCall => ({ functionName, value }) as ContractCall;
const tokenCall = (functionName: string, payment: bigint): ContractCall => ({ functionName, value: 0n, payment }) as ContractCall;

/** Takes 10 wei of gas a transaction, in a deployment paid in ether or in a token. */
function senderOf(answer: () => Promise<unknown> = async () => undefined, token?: string): Sender & { sent: string[] } {
  const sent: string[] = [];
  const send = async (made: ContractCall, options?: SendOptions): Promise<unknown> => {
    sent.push(made.functionName);
    await answer();
    // An approval comes before a payment in a token.
    for (let i = 0; i < (made.payment === undefined ? 1 : 2); i++) options?.onReceipt?.({ gasUsed: 2n, effectiveGasPrice: 5n } as TransactionReceipt);
    return undefined;
  };
  return { address: "0x", sent, send, chain: { deployment: { token } } } as unknown as Sender & { sent: string[] };
}

describe("createBudget", () => {
  it("begins no dispute beyond a day's budget, goes on with open ones, and starts again a day later", async () => {
    let now = 0;
    const sender = senderOf();
    const budget = await createBudget(sender, { perDay: 250n, gasPerDay: 1_000n, file: path.join(folder, "a", "spending.json") }, { logger: silentLogger(), now: () => now });
    await budget.send(call("open", 100n));
    await budget.send(call("open", 100n));
    await expect(budget.send(call("open", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED", retryable: true, details: { spent: 220n, needed: 100n } });
    await budget.send(call("refute"));
    await budget.send(call("chooseNode"));
    expect(sender.sent).toEqual(["open", "open", "refute", "chooseNode"]);
    now = 86_400_001;
    await budget.send(call("open", 100n));
  });

  it("holds back every call of the contracts that takes a bond, and no other", async () => {
    const payable = disputesAbi.filter((item) => item.type === "function" && item.stateMutability === "payable").map(({ name }) => name);
    expect(payable.toSorted()).toEqual(["demand", "demandNext", "open", "openBlock"]);
    const budget = await createBudget(senderOf(), { perDay: 50n, gasPerDay: 1_000n, file: path.join(folder, "payable", "spending.json") }, { logger: silentLogger() });
    for (const name of payable) await expect(budget.send(call(name, 100n)), name).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
    await budget.send(call("answer"));
  });

  it("remembers what was spent over a restart, and starts anew where the record is damaged", async () => {
    const file = path.join(folder, "spending.json");
    const dependencies = { logger: silentLogger(), now: () => 1_000 };
    await (await createBudget(senderOf(), { perDay: 150n, gasPerDay: 1_000n, file }, dependencies)).send(call("demand", 100n));
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual([{ at: 1_000, bonds: "100", gas: "10" }]);
    await expect((await createBudget(senderOf(), { perDay: 150n, gasPerDay: 1_000n, file }, dependencies)).send(call("demandNext", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
    await writeFile(file, "[{");
    await (await createBudget(senderOf(), { perDay: 150n, gasPerDay: 1_000n, file }, dependencies)).send(call("demand", 100n));
  });

  it("counts what may still be included, and not what failed", async () => {
    const failing = (code: string) => createBudget(senderOf(() => Promise.reject(new GainsayError("no", { code }))), { perDay: 150n, gasPerDay: 1_000n, file: path.join(folder, `${code}.json`) }, { logger: silentLogger(), now: () => 0 });
    const reverted = await failing("CONTRACT_REVERTED");
    for (let i = 0; i < 3; i++) await expect(reverted.send(call("open", 100n))).rejects.toMatchObject({ code: "CONTRACT_REVERTED" });
    const lost = await failing("CHAIN_TX_TIMEOUT");
    await expect(lost.send(call("open", 100n))).rejects.toMatchObject({ code: "CHAIN_TX_TIMEOUT" });
    await expect(lost.send(call("open", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
  });

  it("has one budget for bonds in the deployment's token and one for gas, and neither counts the other", async () => {
    const file = (name: string): string => path.join(folder, `${name}.json`);
    const dependencies = { logger: silentLogger(), now: () => 0 };
    const bonds = await createBudget(senderOf(undefined, "0xc0"), { perDay: 250n, gasPerDay: 1_000n, file: file("bonds") }, dependencies);
    await bonds.send(tokenCall("open", 100n));
    await bonds.send(tokenCall("demand", 150n));
    await expect(bonds.send(tokenCall("demandNext", 1n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED", message: expect.stringContaining("--max-daily-spend"), details: { spent: 250n, gasSpent: 40n } });
    const gas = await createBudget(senderOf(undefined, "0xc0"), { perDay: 10_000n, gasPerDay: 50n, file: file("gas") }, dependencies);
    await gas.send(tokenCall("open", 100n));
    await gas.send(tokenCall("demandNext", 100n));
    await gas.send(call("refute"));
    await expect(gas.send(tokenCall("open", 1n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED", message: expect.stringContaining("--max-daily-gas"), details: { gasSpent: 50n } });
    await gas.send(call("chooseNode"));
  });
});
