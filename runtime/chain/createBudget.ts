import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { GainsayError } from "../../protocol/errors.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import type { Metrics } from "../telemetry/createMetrics.ts";
import type { Sender } from "./createSender.ts";

const DAY_MS = 86_400_000;

/** Calls that begin to risk money. Later moves are never held back: they save what is at stake already. */
const openings = new Set(["open", "openBlock", "demand", "demandNext"]);

export interface BudgetOptions {
  /** What may leave the account in any 24 hours, smallest units of the deployment's asset: bonds, and gas too where the asset is ether. */
  perDay: bigint;
  /** wei that may leave it for gas alone. */
  gasPerDay: bigint;
  /** Bond of one dispute, which is shown beside what the account holds. */
  bond?: bigint;
  /** What was spent is written here, so that a restart does not begin a new day. */
  file: string;
}

/** One call: what it put up in the deployment's asset, and the wei that its gas took. */
interface Entry {
  at: number;
  bonds: bigint;
  gas: bigint;
}

const number = z.string().regex(/^\d+$/).transform(BigInt);
const entriesSchema = z.array(z.object({ at: z.number(), bonds: number, gas: number }));

/**
 * A sender that begins no dispute which could take the account over its daily budgets, one for each asset that is spent; bonds that come
 * back do not count against what was spent. `send` also throws `BUDGET_EXHAUSTED`, retryable.
 */
export async function createBudget(sender: Sender, { perDay, gasPerDay, bond, file }: BudgetOptions, { logger, metrics, now = Date.now }: { logger: Logger; metrics?: Metrics | undefined; now?: () => number }): Promise<Sender> {
  const inEther = sender.chain.deployment.token === undefined;
  let entries = await readEntries(file, logger);
  const gauge = metrics?.gauge("budget_spent_units", "What left the account in the last 24 hours, smallest units of the deployment's asset: bonds, and gas where it is ether.");
  const gasGauge = metrics?.gauge("budget_gas_spent_wei", "What gas took in the last 24 hours.");
  metrics?.gauge("dispute_bond_units", "Bond of one dispute.").set(bond === undefined ? Number.NaN : Number(bond));
  metrics?.gauge("budget_limit_units", "What may leave it in 24 hours (--max-daily-spend).").set(Number(perDay));
  metrics?.gauge("budget_gas_limit_wei", "What gas may take in 24 hours (--max-daily-gas).").set(Number(gasPerDay));
  let writing: Promise<void> = Promise.resolve();

  const spent = (): { asset: bigint; gas: bigint } => {
    entries = entries.filter(({ at }) => at > now() - DAY_MS);
    const gas = entries.reduce((total, entry) => total + entry.gas, 0n);
    const asset = entries.reduce((total, { bonds }) => total + bonds, inEther ? gas : 0n);
    gauge?.set(Number(asset));
    gasGauge?.set(Number(gas));
    return { asset, gas };
  };
  const save = (): Promise<void> => {
    spent();
    const text = JSON.stringify(entries.map(({ at, bonds, gas }) => ({ at, bonds: bonds.toString(), gas: gas.toString() })));
    writing = writing
      .then(async () => {
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(`${file}.tmp`, text, { flush: true });
        await rename(`${file}.tmp`, file);
      })
      .catch((error: unknown) => logger.error({ error }, "spending could not be written down"));
    return writing;
  };
  const check = (functionName: string, needed: bigint): void => {
    const { asset, gas } = spent();
    const details = { call: functionName, spent: asset, needed, perDay, gasSpent: gas, gasPerDay };
    if (asset + needed > perDay) throw new GainsayError("The daily budget does not allow another dispute; raise --max-daily-spend, or wait until a day has passed since the last ones.", { code: "BUDGET_EXHAUSTED", retryable: true, details });
    if (gas >= gasPerDay) throw new GainsayError("The daily budget for gas does not allow another dispute; raise --max-daily-gas, or wait until a day has passed since the last ones.", { code: "BUDGET_EXHAUSTED", retryable: true, details });
  };
  spent();

  return {
    address: sender.address,
    chain: sender.chain,
    async send(call, options) {
      const paid = call.payment ?? call.value;
      if (openings.has(call.functionName)) check(call.functionName, paid);
      // Reserved before it is sent, so that calls in the queue count too.
      const entry: Entry = { at: now(), bonds: paid, gas: 0n };
      entries.push(entry);
      if (paid > 0n) await save();
      try {
        return await sender.send(call, {
          ...options,
          onReceipt: (receipt) => {
            entry.gas += receipt.gasUsed * receipt.effectiveGasPrice;
            options?.onReceipt?.(receipt);
          },
        });
      } catch (error) {
        // One that was given up may still be included; any other failure put up nothing.
        if (!(error instanceof GainsayError && ["ABORTED", "CHAIN_TX_TIMEOUT"].includes(error.code))) entry.bonds = 0n;
        throw error;
      } finally {
        await save();
      }
    },
  };
}

async function readEntries(file: string, logger: Logger): Promise<Entry[]> {
  try {
    return entriesSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") logger.warn({ file }, "record of spending is damaged; the day's budget starts anew");
    return [];
  }
}
