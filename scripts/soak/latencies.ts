import type { Chain } from "../../runtime/chain/createChain.ts";
import { getEvents } from "../../runtime/chain/getEvents.ts";

export interface Latency {
  name: string;
  count: number;
  /** Seconds by the chain's clock, which has whole ones. */
  median: number;
  p95: number;
  max: number;
}

/** How long jobs waited for each of their steps, from the chain's own log. */
export async function readLatencies(chain: Chain): Promise<{ latencies: Latency[]; seconds: number; final: number }> {
  const events = await getEvents(chain, { contract: "jobs", names: ["Submitted", "Claimed", "Committed", "Convicted", "Finalized"] });
  const times = new Map<bigint, number>();
  for (const block of new Set(events.map(({ blockNumber }) => blockNumber))) times.set(block, Number((await chain.client.getBlock({ blockNumber: block })).timestamp));
  const spans: Record<string, number[]> = { "submitted to claimed": [], "claimed to committed": [], "committed to convicted": [], "submitted to final": [] };
  const last = new Map<string, number>();
  for (const { name, args, blockNumber } of events) {
    const at = times.get(blockNumber) ?? 0;
    const since = (earlier: string): number => at - (last.get(`${args.jobId}/${earlier}`) ?? at);
    if (name === "Claimed" && !last.has(`${args.jobId}/Claimed`)) spans["submitted to claimed"]?.push(since("Submitted"));
    if (name === "Committed") spans["claimed to committed"]?.push(since("Claimed"));
    if (name === "Convicted") spans["committed to convicted"]?.push(since("Committed"));
    if (name === "Finalized") spans["submitted to final"]?.push(since("Submitted"));
    last.set(`${args.jobId}/${name}`, at);
  }
  const all = [...times.values()];
  return {
    latencies: Object.entries(spans).map(([name, values]) => {
      const sorted = values.sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
      return { name, count: sorted.length, median: at(0.5), p95: at(0.95), max: at(1) };
    }),
    seconds: all.length === 0 ? 0 : Math.max(...all) - Math.min(...all),
    final: events.filter(({ name }) => name === "Finalized").length,
  };
}
