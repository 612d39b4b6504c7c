import { fromHex } from "../../../protocol/hex.ts";
import type { Chain } from "../createChain.ts";
import { getEvents } from "../getEvents.ts";

/**
 * The input that travelled with a job's submission: committed bytes of the input tensors one after another, or undefined if it is
 * delivered off chain. Nobody has checked it: compare with the job's input root.
 */
export async function readJobInput(chain: Chain, jobId: bigint): Promise<Uint8Array | undefined> {
  const [event] = await getEvents(chain, { contract: "jobs", names: ["InputPublished"], indexed: [jobId] });
  return event === undefined ? undefined : fromHex(event.args.input);
}
