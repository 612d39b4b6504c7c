import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { createBudget } from "../../../runtime/chain/createBudget.ts";
import type { ContractCall } from "../../../runtime/chain/contracts.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { temporaryFolder } from "../../cli/helpers.ts";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const call = (functionName: string, value = 0n): ContractCall => ({ functionName, value }) as ContractCall;

function senderOf(answer: () => Promise<unknown> = async () => ({ gasUsed: 2n, effectiveGasPrice: 5n })): Sender & { sent: string[] } {
  const sent: string[] = [];
  return { address: "0x", sent, send: (made: ContractCall) => (sent.push(made.functionName), answer()) } as unknown as Sender & { sent: string[] };
}

describe("createBudget", () => {
  it("begins no dispute beyond a day's budget, goes on with open ones, and starts again a day later", async () => {
    let now = 0;
    const sender = senderOf();
    const budget = await createBudget(sender, { weiPerDay: 250n, file: path.join(folder, "a", "spending.json") }, { logger: silentLogger(), now: () => now });
    await budget.send(call("open", 100n));
    await budget.send(call("open", 100n));
    await expect(budget.send(call("open", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED", retryable: true, details: { spent: 220n, needed: 100n } });
    await budget.send(call("refute"));
    await budget.send(call("chooseNode"));
    expect(sender.sent).toEqual(["open", "open", "refute", "chooseNode"]);
    now = 86_400_001;
    await budget.send(call("open", 100n));
  });

  it("remembers what was spent over a restart, and starts anew where the record is damaged", async () => {
    const file = path.join(folder, "spending.json");
    const dependencies = { logger: silentLogger(), now: () => 1_000 };
    await (await createBudget(senderOf(), { weiPerDay: 150n, file }, dependencies)).send(call("demand", 100n));
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual([{ at: 1_000, wei: "110" }]);
    await expect((await createBudget(senderOf(), { weiPerDay: 150n, file }, dependencies)).send(call("demandNext", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
    await writeFile(file, "[{");
    await (await createBudget(senderOf(), { weiPerDay: 150n, file }, dependencies)).send(call("demand", 100n));
  });

  it("counts what may still be included, and not what failed", async () => {
    const failing = (code: string) => createBudget(senderOf(() => Promise.reject(new GainsayError("no", { code }))), { weiPerDay: 150n, file: path.join(folder, `${code}.json`) }, { logger: silentLogger(), now: () => 0 });
    const reverted = await failing("CONTRACT_REVERTED");
    for (let i = 0; i < 3; i++) await expect(reverted.send(call("open", 100n))).rejects.toMatchObject({ code: "CONTRACT_REVERTED" });
    const lost = await failing("CHAIN_TX_TIMEOUT");
    await expect(lost.send(call("open", 100n))).rejects.toMatchObject({ code: "CHAIN_TX_TIMEOUT" });
    await expect(lost.send(call("open", 100n))).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
  });
});
