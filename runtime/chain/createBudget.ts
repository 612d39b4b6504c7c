import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { GainsayError } from "../../protocol/errors.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import type { Metrics } from "../telemetry/createMetrics.ts";
import type { Sender } from "./createSender.ts";

const DAY_MS = 86_400_000;

/** Calls that begin to risk money. Later moves are never held back: they save what is at stake already. */
const openings = new Set(["open", "demand", "demandNext"]);

export interface BudgetOptions {
  /** Gas and bonds that may leave the account in any 24 hours, wei. */
  weiPerDay: bigint;
  /** What was spent is written here, so that a restart does not begin a new day. */
  file: string;
}

const entriesSchema = z.array(z.object({ at: z.number(), wei: z.string().regex(/^\d+$/) }));

/**
 * A sender that begins no dispute which could take the account over its daily budget; bonds that come back do not count against what was spent.
 * `send` also throws `BUDGET_EXHAUSTED`, retryable.
 */
export async function createBudget(sender: Sender, { weiPerDay, file }: BudgetOptions, { logger, metrics, now = Date.now }: { logger: Logger; metrics?: Metrics | undefined; now?: () => number }): Promise<Sender> {
  let entries = await readEntries(file, logger);
  const gauge = metrics?.gauge("budget_spent_wei", "Gas and bonds that left the account in the last 24 hours.");
  metrics?.gauge("budget_limit_wei", "What may leave it in 24 hours.").set(Number(weiPerDay));
  let writing: Promise<void> = Promise.resolve();

  const spent = (): bigint => {
    entries = entries.filter(({ at }) => at > now() - DAY_MS);
    const sum = entries.reduce((total, { wei }) => total + wei, 0n);
    gauge?.set(Number(sum));
    return sum;
  };
  const save = (): Promise<void> => {
    spent();
    const text = JSON.stringify(entries.map(({ at, wei }) => ({ at, wei: wei.toString() })));
    writing = writing
      .then(async () => {
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(`${file}.tmp`, text, { flush: true });
        await rename(`${file}.tmp`, file);
      })
      .catch((error: unknown) => logger.error({ error }, "spending could not be written down"));
    return writing;
  };
  spent();

  return {
    address: sender.address,
    chain: sender.chain,
    async send(call, options) {
      if (openings.has(call.functionName) && spent() + call.value > weiPerDay) {
        throw new GainsayError("The daily budget does not allow another dispute; raise --max-daily-spend, or wait until a day has passed since the last ones.", { code: "BUDGET_EXHAUSTED", retryable: true, details: { call: call.functionName, spent: spent(), needed: call.value, weiPerDay } });
      }
      // Reserved before it is sent, so that calls in the queue count too.
      const entry = { at: now(), wei: call.value };
      entries.push(entry);
      if (call.value > 0n) await save();
      try {
        const receipt = await sender.send(call, options);
        entry.wei += receipt.gasUsed * receipt.effectiveGasPrice;
        return receipt;
      } catch (error) {
        // One that was given up may still be included; any other failure left at most its gas on the chain.
        if (!(error instanceof GainsayError && ["ABORTED", "CHAIN_TX_TIMEOUT"].includes(error.code))) entry.wei = 0n;
        throw error;
      } finally {
        await save();
      }
    },
  };
}

async function readEntries(file: string, logger: Logger): Promise<{ at: number; wei: bigint }[]> {
  try {
    return entriesSchema.parse(JSON.parse(await readFile(file, "utf8"))).map(({ at, wei }) => ({ at, wei: BigInt(wei) }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") logger.warn({ file }, "record of spending is damaged; the day's budget starts anew");
    return [];
  }
}
