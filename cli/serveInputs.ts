import { toHex, type Hex } from "../protocol/hex.ts";
import { domains } from "../protocol/trees/domains.ts";
import { tensorLeaves, tensorRoot } from "../protocol/trees/tensorTree.ts";
import type { OpenBlob } from "../runtime/network/blobs/serveBlob.ts";
import { topics } from "../runtime/network/topics.ts";
import { inputRootOf } from "../runtime/programs/splitInput.ts";
import type { Context } from "./context.ts";
import type { Peers } from "./peers.ts";

/** Milliseconds between announcements: gossip reaches only who listens at that moment. */
const REPEAT_MS = 2_000;

export interface ServedInputs {
  /** Ends a reservation: from now on everybody is served and told. */
  openToAll(): void;
  stop(): void;
}

/**
 * Serves the inputs of a job to peers, and announces them, until `stop`. With `only`, peer ids, nobody else gets them or hears of them
 * until `openToAll`: an executor claims a job only once it holds the input.
 */
export async function serveInputs(context: Context, { network }: Peers, jobId: bigint, inputs: readonly Uint8Array[], only?: readonly string[]): Promise<ServedInputs> {
  const { deployment } = await context.chain();
  const inputRoot = inputRootOf(inputs);
  const blobs = new Map<string, OpenBlob>(inputs.map((bytes) => [toHex(tensorRoot(bytes)), openTensor(bytes)]));
  const list = new Uint8Array(Buffer.concat(inputs.map(tensorRoot)));
  let reserved = only;
  let timer: NodeJS.Timeout | undefined;
  const stopServing = network.blobs.serve({
    async open(name, peer) {
      if (reserved?.includes(peer) === false) return undefined;
      if (name.kind === "tensor") return blobs.get(name.root);
      return name.kind === "list" && name.domain === domains.inputs && name.root === inputRoot ? openList(list) : undefined;
    },
  });
  const announce = (): void => {
    const message = { jobId: jobId.toString(), chainId: deployment.chainId, contract: deployment.contracts.jobs.toLowerCase() as Hex, inputRoot, providers: network.addresses() };
    network.gossip.publish(topics.jobs, message).catch((error: unknown) => context.logger.debug({ error }, "input not announced"));
  };
  const openToAll = (): void => {
    reserved = undefined;
    if (timer !== undefined) return;
    announce();
    timer = setInterval(announce, REPEAT_MS);
  };
  if (only === undefined) openToAll();
  return {
    openToAll,
    stop() {
      clearInterval(timer);
      stopServing();
    },
  };
}

function openTensor(bytes: Uint8Array): OpenBlob {
  return { byteLength: bytes.length, leaves: async () => tensorLeaves(bytes), read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

function openList(items: Uint8Array): OpenBlob {
  return { byteLength: items.length, leaves: async () => items, read: async (offset, length) => items.subarray(offset, offset + length) };
}
