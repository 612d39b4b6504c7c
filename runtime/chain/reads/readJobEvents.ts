import type { Hex } from "../../../protocol/hex.ts";
import type { Chain } from "../createChain.ts";
import type { EventOf, EventsOf } from "../events.ts";
import { getEvents } from "../getEvents.ts";

export type JobEvent = EventsOf<"jobs">;

/** What happened to a job, in order. */
export function readJobEvents(chain: Chain, jobId: bigint): Promise<JobEvent[]> {
  return getEvents(chain, { contract: "jobs", indexed: [jobId] });
}

/** The commitment of one attempt of a job, as its event tells it; undefined if there was none. */
export async function readCommitment(chain: Chain, jobId: bigint, attempt: number): Promise<EventOf<"jobs", "Committed"> | undefined> {
  const events = await getEvents(chain, { contract: "jobs", names: ["Committed"], indexed: [jobId] });
  // An attempt has one commitment, but an executor that is late and replaced leaves none.
  return events.findLast((event) => event.args.attempt === attempt);
}

/** Disputes that were opened against a job, oldest first. */
export function readJobDisputes(chain: Chain, jobId: bigint): Promise<EventOf<"disputes", "Opened">[]> {
  return getEvents(chain, { contract: "disputes", names: ["Opened"], indexed: [null, jobId] });
}

/** Where and by whom a program was registered; undefined if it was not. */
export async function readRegistration(chain: Chain, programRoot: Hex): Promise<EventOf<"models", "Registered"> | undefined> {
  const [event] = await getEvents(chain, { contract: "models", names: ["Registered"], indexed: [null, programRoot] });
  return event;
}
