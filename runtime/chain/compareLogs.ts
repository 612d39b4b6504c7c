import type { Hex } from "../../protocol/hex.ts";

/** An endpoint that answers JSON-RPC requests, or throws. */
export type Ask = (method: string, params: unknown) => Promise<unknown>;

interface RawLog {
  address: Hex;
  topics: Hex[];
  blockHash: Hex;
  transactionHash: Hex;
  logIndex: Hex;
}

/** Receipts asked for in one comparison: one that contradicts its endpoint's logs is enough. */
const MAX_RECEIPTS = 4;

/**
 * Asks several endpoints for the same settled logs. Returns which of them leave out logs: those whose own receipt of the transaction has a
 * log that their answer lacks, and those that lack a log which most of them have. One that does not answer is not judged.
 */
export async function compareLogs(asks: readonly Ask[], filter: { address: unknown; fromBlock: Hex; toBlock: Hex }): Promise<boolean[]> {
  const answers = await Promise.all(asks.map((ask) => ask("eth_getLogs", [filter]).then((logs) => (Array.isArray(logs) ? new Map((logs as RawLog[]).map((log) => [keyOf(log), log])) : undefined), () => undefined)));
  const given = answers.filter((logs) => logs !== undefined);
  const all = new Map(given.flatMap((logs) => [...logs]));
  return Promise.all(
    answers.map(async (own, i) => {
      if (own === undefined) return false;
      const lacking = [...all.values()].filter((log) => !own.has(keyOf(log)));
      const outvoted = lacking.some((log) => given.filter((logs) => logs.has(keyOf(log))).length * 2 > given.length);
      return outvoted || (await contradictsItself(asks[i] as Ask, lacking));
    }),
  );
}

/** Whether the endpoint's receipts have one of the logs that it did not give. A log that somebody invented is in no receipt. */
async function contradictsItself(ask: Ask, lacking: readonly RawLog[]): Promise<boolean> {
  for (const log of lacking.slice(0, MAX_RECEIPTS)) {
    const receipt = (await ask("eth_getTransactionReceipt", [log.transactionHash]).catch(() => undefined)) as { logs?: RawLog[] } | null | undefined;
    if (receipt?.logs?.some((other) => keyOf(other) === keyOf(log)) === true) return true;
  }
  return false;
}

function keyOf({ blockHash, logIndex, address, topics }: RawLog): string {
  return `${blockHash}:${Number(logIndex)}:${address}:${topics.join()}`.toLowerCase();
}
