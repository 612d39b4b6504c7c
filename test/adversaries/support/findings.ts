import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { readJobEvents } from "../../../runtime/chain/reads/readJobEvents.ts";
import { until } from "../../runtime/chain/localChain.ts";
import { PATIENCE_MS, type Town } from "./createTown.ts";

/** Resolves once the commitment of this attempt has been convicted. */
export async function convicted({ chain }: Town, jobId: bigint, attempt = 1): Promise<void> {
  await until(`attempt ${attempt} of job ${jobId} is convicted`, async () => (await getJob(chain, jobId)).attempt > attempt, PATIENCE_MS);
}

/** Seconds from the first commitment of a job to its conviction or finality, whichever came last. */
export async function secondsOf({ chain }: Town, jobId: bigint, until: "Convicted" | "Finalized"): Promise<number> {
  const events = await readJobEvents(chain, jobId);
  const timeOf = async (blockNumber: bigint): Promise<number> => Number((await chain.client.getBlock({ blockNumber })).timestamp);
  const first = events.find(({ name }) => name === "Committed");
  const last = events.findLast(({ name }) => name === until);
  if (first === undefined || last === undefined) throw new Error(`job ${jobId} was not ${until}`);
  return (await timeOf(last.blockNumber)) - (await timeOf(first.blockNumber));
}
