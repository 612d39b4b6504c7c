import type { Address } from "viem";
import type { Chain } from "../createChain.ts";
import { getEvents } from "../getEvents.ts";

/** What the chain's logs say of one executor. */
export interface ExecutorRecord {
  executor: Address;
  /** Jobs that became final with its result. */
  completed: number;
  /** Convictions. */
  slashed: number;
  /** Claims without a result in time. */
  missed: number;
  /** Claims that were followed by a commitment, the newest last: the blocks of both. */
  deliveries: { jobId: bigint; claimed: bigint; committed: bigint }[];
}

/** Records of all executors that ever claimed a job, by lower-case address. Reads the deployment's whole log of jobs. */
export async function readExecutorRecords(chain: Chain): Promise<Map<string, ExecutorRecord>> {
  const events = await getEvents(chain, { contract: "jobs", names: ["Claimed", "Committed", "Finalized", "Expired", "Convicted"] });
  const records = new Map<string, ExecutorRecord>();
  const claims = new Map<bigint, { executor: string; block: bigint }>();
  for (const { name, args, blockNumber } of events) {
    const key = args.executor.toLowerCase();
    const record = records.get(key) ?? { executor: args.executor, completed: 0, slashed: 0, missed: 0, deliveries: [] };
    records.set(key, record);
    const claim = claims.get(args.jobId);
    if (name === "Claimed") claims.set(args.jobId, { executor: key, block: blockNumber });
    else if (name === "Committed" && claim?.executor === key) record.deliveries.push({ jobId: args.jobId, claimed: claim.block, committed: blockNumber });
    else if (name === "Finalized") record.completed += 1;
    else if (name === "Expired") record.missed += 1;
    else if (name === "Convicted") record.slashed += 1;
  }
  return records;
}

/** Deliveries that the median is taken of. */
const RECENT = 10;

/** Seconds from claim to commitment by the chain's clock, the median of the last ten; undefined before the first. */
export async function medianDelivery(chain: Chain, { deliveries }: ExecutorRecord): Promise<number | undefined> {
  const timeOf = async (blockNumber: bigint): Promise<number> => Number((await chain.client.getBlock({ blockNumber })).timestamp);
  const spans = await Promise.all(deliveries.slice(-RECENT).map(async ({ claimed, committed }) => (await timeOf(committed)) - (await timeOf(claimed))));
  return spans.sort((a, b) => a - b)[Math.floor(spans.length / 2)];
}
