import { setTimeout as delay } from "node:timers/promises";
import type { ContractFunctionReturnType } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Hex } from "../../../protocol/hex.ts";
import type { Abis } from "../contracts.ts";
import type { Chain } from "../createChain.ts";
import type { ChainEvent, EventsOf } from "../events.ts";
import { getEvents } from "../getEvents.ts";
import { recordDigest, termsHash, type JobRecord, type Terms } from "../jobRecord.ts";
import { read } from "./read.ts";

/** What storage holds of a job. */
export type JobState = ContractFunctionReturnType<Abis["jobs"], "view", "getJob">;

/** Terms and commitment of a job, with what storage holds. */
export type FullRecord = JobRecord & { state: JobState };

/** How often state and logs are read again if they do not fit: a reorganisation in between, or a node whose logs lag behind. */
const TRIES = 4;
const WAIT_MS = 250;
/** Records remembered for each chain. What a digest stands for never changes, so they cannot go stale. */
const REMEMBERED = 4_096;
const remembered = new WeakMap<Chain, Map<Hex, JobRecord>>();
const hashedTerms = new WeakMap<Chain, Map<bigint, { terms: Terms; hash: Hex }>>();

const HINT_MASK = (1n << 24n) - 1n;
/** Blocks looked into before the whole history is read. */
const MAX_LOOKS = 16;

const carriers = ["Submitted", "Expired", "Committed"] as const;

/**
 * A job's state with its terms and commitment. The chain keeps only their hash and the number of the block whose events tell them,
 * so one request for that block's logs finds them; they are believed because they hash to the digest.
 * Throws `CONTRACT_REVERTED` (`UnknownJob`), or `CHAIN_RECORD_MISSING` if the endpoint does not have the events.
 */
export async function getJobRecord(chain: Chain, jobId: bigint): Promise<FullRecord> {
  for (let attempt = 1; ; attempt++) {
    const state = await read(chain, "jobs", "getJob", [jobId]);
    const record = recall(chain, state.digest) ?? (await searchHinted(chain, jobId, state)) ?? (await search(chain, jobId, state, undefined));
    if (record !== undefined) return { ...remember(chain, state.digest, record), state };
    if (attempt === TRIES) {
      chain.doubtLogs();
      throw new GainsayError("The endpoint does not have the events of the job, whose terms only they tell; use one that keeps all logs.", {
        code: "CHAIN_RECORD_MISSING",
        retryable: true,
        details: { jobId, block: state.recordBlock },
      });
    }
    // The digest is there, so the events must be: an endpoint that does not have them after a while is not asked again.
    if (attempt >= TRIES / 2) chain.doubtLogs();
    await delay(WAIT_MS);
  }
}

/**
 * The record that a digest stands for: without a request if it has been read before, or else of the job as it is now. Who acts on a job as the ledger
 * shows it gives its digest: if the job has moved on, the contract refuses the old record. Throws as `getJobRecord` does.
 */
export async function recordOf(chain: Chain, jobId: bigint, digest: Hex | undefined): Promise<JobRecord> {
  return (digest === undefined ? undefined : recall(chain, digest)) ?? getJobRecord(chain, jobId);
}

/** The record of a job in this state, if it has been read before; without a request. */
export function recallRecord(chain: Chain, state: JobState): FullRecord | undefined {
  const record = recall(chain, state.digest);
  return record === undefined ? undefined : { ...record, state };
}

/** Looks into each block whose number ends in the 24 bits that the job keeps, the newest first: at 12 seconds a block there is one in six years. */
async function searchHinted(chain: Chain, jobId: bigint, state: JobState): Promise<JobRecord | undefined> {
  const { number: head } = await chain.head();
  const hint = BigInt(state.recordBlock);
  let looks = 0;
  for (let block = head - ((head - hint) & HINT_MASK); block >= chain.deployment.block && looks < MAX_LOOKS; block -= HINT_MASK + 1n, looks++) {
    const record = await search(chain, jobId, state, block);
    if (record !== undefined) return record;
  }
  return undefined;
}

/** Without a block the whole history: on chains whose contracts see other block numbers than their logs the hint leads nowhere. */
async function search(chain: Chain, jobId: bigint, { digest }: JobState, block: bigint | undefined): Promise<JobRecord | undefined> {
  const events = await getEvents(chain, { contract: "jobs", names: carriers, indexed: [jobId], ...(block === undefined ? {} : { fromBlock: block, toBlock: block }) });
  for (const event of events.toReversed()) for (const record of recordsIn(event)) if (recordDigest(record) === digest) return record;
  return undefined;
}

/** The records that an event tells: after a conviction the digest is that of the terms again. */
function recordsIn({ name, args }: EventsOf<"jobs", (typeof carriers)[number]>): JobRecord[] {
  const { terms } = args;
  const bare = { terms, commitment: undefined };
  return name === "Committed" ? [{ terms, commitment: { traceRoot: args.traceRoot, outputRoot: args.outputRoot } }, bare] : [bare];
}

/** Remembers what an event tells that has come anyway, so that nobody need look for it. */
export function noteRecord(chain: Chain, event: ChainEvent): void {
  if (event.contract !== "jobs" || !isCarrier(event)) return;
  const { jobId, terms } = event.args;
  const hash = hashOf(chain, jobId, terms);
  for (const record of recordsIn(event)) remember(chain, recordDigest(record, hash), record);
}

/** The hash of a job's terms: its later events tell them again, and hashing them is most of what an event costs. */
function hashOf(chain: Chain, jobId: bigint, terms: Terms): Hex {
  const hashed = hashedTerms.get(chain) ?? new Map<bigint, { terms: Terms; hash: Hex }>();
  hashedTerms.set(chain, hashed);
  const known = hashed.get(jobId);
  if (known !== undefined && (Object.keys(terms) as (keyof Terms)[]).every((key) => known.terms[key] === terms[key])) return known.hash;
  if (hashed.size >= REMEMBERED) hashed.delete(hashed.keys().next().value as bigint);
  const hash = termsHash(terms);
  hashed.set(jobId, { terms, hash });
  return hash;
}

function isCarrier(event: EventsOf<"jobs">): event is EventsOf<"jobs", (typeof carriers)[number]> {
  return (carriers as readonly string[]).includes(event.name);
}

function recall(chain: Chain, digest: Hex): JobRecord | undefined {
  return remembered.get(chain)?.get(digest);
}

function remember(chain: Chain, digest: Hex, { terms, commitment }: JobRecord): JobRecord {
  const records = remembered.get(chain) ?? new Map<Hex, JobRecord>();
  remembered.set(chain, records);
  if (records.size >= REMEMBERED) records.delete(records.keys().next().value as Hex);
  const record = { terms, commitment };
  records.set(digest, record);
  return record;
}
