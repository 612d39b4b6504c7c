import { fromHex } from "../../../protocol/hex.ts";
import type { Chain } from "../createChain.ts";
import type { ChainEvent, EventOf } from "../events.ts";
import { getEvents } from "../getEvents.ts";

/** Inputs remembered for each chain, and how many bytes of them; the oldest are forgotten first. */
const REMEMBERED = 4_096;
const REMEMBERED_BYTES = 16 * 1024 * 1024;

/** What events have told of inputs. */
interface Published {
  /** By job. The block is where it can be read again, a hint: after a reorganisation the whole history is read. */
  inputs: Map<bigint, { block: bigint; bytes: Uint8Array | undefined }>;
  bytes: number;
}
const published = new WeakMap<Chain, Published>();

/** Remembers an input that an event has brought anyway, and where it was published. */
export function noteInput(chain: Chain, event: ChainEvent): void {
  if (event.contract !== "jobs" || event.name !== "InputPublished") return;
  const known = published.get(chain) ?? { inputs: new Map(), bytes: 0 };
  published.set(chain, known);
  const bytes = fromHex(event.args.input);
  forgetBytes(known, event.args.jobId);
  known.inputs.delete(event.args.jobId);
  known.inputs.set(event.args.jobId, { block: event.blockNumber, bytes });
  known.bytes += bytes.length;
  for (const jobId of known.inputs.keys()) {
    if (known.bytes <= REMEMBERED_BYTES) break;
    forgetBytes(known, jobId);
  }
  const oldest = known.inputs.keys().next().value as bigint;
  if (known.inputs.size <= REMEMBERED) return;
  forgetBytes(known, oldest);
  known.inputs.delete(oldest);
}

/** After a reorganisation another job may have a number, with an input that no event brings. */
export function forgetInputs(chain: Chain): void {
  const known = published.get(chain);
  for (const jobId of known?.inputs.keys() ?? []) forgetBytes(known as Published, jobId);
}

function forgetBytes(known: Published, jobId: bigint): void {
  const input = known.inputs.get(jobId);
  if (input?.bytes === undefined) return;
  known.bytes -= input.bytes.length;
  input.bytes = undefined;
}

/**
 * The input that travelled with a job's submission: committed bytes of the input tensors one after another, or undefined if it is
 * delivered off chain. Nobody has checked it: compare with the job's input root.
 */
export async function readJobInput(chain: Chain, jobId: bigint): Promise<Uint8Array | undefined> {
  const { block, bytes } = published.get(chain)?.inputs.get(jobId) ?? {};
  if (bytes !== undefined) return bytes;
  const event = (block === undefined ? undefined : await search(chain, jobId, { fromBlock: block, toBlock: block })) ?? (await search(chain, jobId));
  return event === undefined ? undefined : fromHex(event.args.input);
}

async function search(chain: Chain, jobId: bigint, range: { fromBlock?: bigint; toBlock?: bigint } = {}): Promise<EventOf<"jobs", "InputPublished"> | undefined> {
  return (await getEvents(chain, { contract: "jobs", names: ["InputPublished"], indexed: [jobId], ...range }))[0];
}
