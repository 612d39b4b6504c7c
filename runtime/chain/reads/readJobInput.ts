import { fromHex } from "../../../protocol/hex.ts";
import type { Chain } from "../createChain.ts";
import type { ChainEvent, EventOf } from "../events.ts";
import { getEvents } from "../getEvents.ts";

/** Blocks remembered for each chain in which inputs were published. Only hints: after a reorganisation the whole history is read. */
const REMEMBERED = 4_096;
const published = new WeakMap<Chain, Map<bigint, bigint>>();

/** Remembers where an input was published, if that is what the event tells; the bytes themselves are not kept. */
export function noteInput(chain: Chain, event: ChainEvent): void {
  if (event.contract !== "jobs" || event.name !== "InputPublished") return;
  const blocks = published.get(chain) ?? new Map<bigint, bigint>();
  published.set(chain, blocks);
  if (blocks.size >= REMEMBERED) blocks.delete(blocks.keys().next().value as bigint);
  blocks.set(event.args.jobId, event.blockNumber);
}

/**
 * The input that travelled with a job's submission: committed bytes of the input tensors one after another, or undefined if it is
 * delivered off chain. Nobody has checked it: compare with the job's input root.
 */
export async function readJobInput(chain: Chain, jobId: bigint): Promise<Uint8Array | undefined> {
  const block = published.get(chain)?.get(jobId);
  const event = (block === undefined ? undefined : await search(chain, jobId, { fromBlock: block, toBlock: block })) ?? (await search(chain, jobId));
  return event === undefined ? undefined : fromHex(event.args.input);
}

async function search(chain: Chain, jobId: bigint, range: { fromBlock?: bigint; toBlock?: bigint } = {}): Promise<EventOf<"jobs", "InputPublished"> | undefined> {
  return (await getEvents(chain, { contract: "jobs", names: ["InputPublished"], indexed: [jobId], ...range }))[0];
}
