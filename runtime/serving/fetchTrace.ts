import { GainsayError } from "../../protocol/errors.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Program, TraceTensor } from "../../protocol/program/types.ts";
import { domains } from "../../protocol/trees/domains.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";
import type { ListBlobName } from "../network/blobs/blobMessages.ts";
import type { Network } from "../network/createNetwork.ts";

export interface FetchTraceOptions {
  network: Pick<Network, "blobs">;
  /** Addresses with peer id, or ids of connected peers. */
  peers: readonly string[];
  program: Program;
  traceRoot: Hex;
  /** The own trace: tensors with the same root are not fetched. */
  own: readonly CommittedTensor[];
  signal: AbortSignal;
}

/**
 * Fetches the tensors of a posted trace from peers, each verified against the trace root before it is used: in one response where they are small.
 * Throws `TRACE_UNFIT` if the committed list or a tensor does not have the program's shape, and what a blob fetch throws.
 */
export async function fetchTrace(options: FetchTraceOptions): Promise<CommittedTensor[]> {
  const { program, traceRoot } = options;
  return fetchListedTensors(options, { kind: "list", root: traceRoot, domain: domains.trace }, program.trace, "The committed trace does not have as many tensors as the program.");
}

/**
 * Fetches a list of roots and the tensors that it names, those at once that fit one response, then the others side by side; those with the root of an own one
 * are taken from there. Throws as {@link fetchTrace}, with `unfit` as the message for a list of another length.
 */
export async function fetchListedTensors(options: Pick<FetchTraceOptions, "network" | "peers" | "signal"> & { own?: readonly CommittedTensor[]; timeoutMs?: number }, list: ListBlobName, specs: readonly TraceTensor[], unfit: string): Promise<CommittedTensor[]> {
  const { network, peers, signal, own = [], timeoutMs } = options;
  const lengths = specs.map(({ dtype, shape }) => tensorByteLength(dtype, shape));
  const within = { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const listed = await network.blobs.fetchListed({ list, lengths, known: own.map(({ root }) => root) }, peers, within);
  const items = listed?.items ?? (await network.blobs.fetch(list, peers, { ...within, maxBytes: specs.length * 32 }));
  if (items.length !== specs.length * 32) throw new GainsayError(unfit, { code: "TRACE_UNFIT", kind: "verification", details: { wanted: specs.length, got: items.length / 32 } });
  const known = new Map(own.map((tensor) => [tensor.root, tensor]));
  const found = lengths.map((_, index): CommittedTensor | Hex => {
    const root = toHex(items.subarray(index * 32, index * 32 + 32));
    const sent = listed?.tensors.get(index);
    return known.get(root) ?? (sent === undefined ? root : { root, ...sent });
  });
  if (found.every((one) => typeof one !== "string")) return found;
  const failed = new AbortController();
  const others = { network, peers, signal: AbortSignal.any([signal, failed.signal]) };
  const fetching = found.map(async (one, index) => (typeof one === "string" ? fetchTensor(others, one, lengths[index] as number) : one));
  try {
    return await Promise.all(fetching);
  } catch (error) {
    // The first failure counts; the rest of them have nothing to tell any more.
    failed.abort(error);
    await Promise.allSettled(fetching);
    throw error;
  }
}

/** Fetches one tensor of known length. */
export async function fetchTensor({ network, peers, signal }: Pick<FetchTraceOptions, "network" | "peers" | "signal">, root: Hex, byteLength: number): Promise<CommittedTensor> {
  const { bytes, leaves } = await network.blobs.fetchHashed({ kind: "tensor", root }, peers, { signal, maxBytes: byteLength });
  if (bytes.length !== byteLength) throw new GainsayError("A committed tensor does not have the length that the program gives it.", { code: "TRACE_UNFIT", kind: "verification", details: { root, wanted: byteLength, got: bytes.length } });
  return { root, bytes, leaves };
}
