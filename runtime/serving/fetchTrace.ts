import { GainsayError } from "../../protocol/errors.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Program, TraceTensor } from "../../protocol/program/types.ts";
import { domains } from "../../protocol/trees/domains.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";
import type { Network } from "../network/createNetwork.ts";

export interface FetchTraceOptions {
  network: Pick<Network, "blobs">;
  hasher: Pick<Hasher, "leaves">;
  /** Addresses with peer id, or ids of connected peers. */
  peers: readonly string[];
  program: Program;
  traceRoot: Hex;
  /** The own trace: tensors with the same root are not fetched. */
  own: readonly CommittedTensor[];
  signal: AbortSignal;
}

/**
 * Fetches the tensors of a posted trace from peers, each verified against the trace root before it is used.
 * Throws `TRACE_UNFIT` if the committed list or a tensor does not have the program's shape, and what a blob fetch throws.
 */
export async function fetchTrace(options: FetchTraceOptions): Promise<CommittedTensor[]> {
  const { network, peers, program, traceRoot, signal } = options;
  const wanted = program.trace.length * 32;
  const list = await network.blobs.fetch({ kind: "list", root: traceRoot, domain: domains.trace }, peers, { signal, maxBytes: wanted });
  if (list.length !== wanted) throw new GainsayError("The committed trace does not have as many tensors as the program.", { code: "TRACE_UNFIT", kind: "verification", details: { wanted: program.trace.length, got: list.length / 32 } });
  return fetchTensors(options, list, program.trace);
}

/** Fetches the tensors of a list of roots that was verified, one after another; those with the root of an own one are taken from there. */
export async function fetchTensors(options: Pick<FetchTraceOptions, "network" | "hasher" | "peers" | "signal"> & { own?: readonly CommittedTensor[] }, list: Uint8Array, specs: readonly TraceTensor[]): Promise<CommittedTensor[]> {
  const known = new Map((options.own ?? []).map((tensor) => [tensor.root, tensor]));
  const tensors: CommittedTensor[] = [];
  for (const [index, spec] of specs.entries()) {
    const root = toHex(list.subarray(index * 32, index * 32 + 32));
    tensors.push(known.get(root) ?? (await fetchTensor(options, root, tensorByteLength(spec.dtype, spec.shape))));
  }
  return tensors;
}

/** Fetches one tensor of known length. */
export async function fetchTensor({ network, hasher, peers, signal }: Pick<FetchTraceOptions, "network" | "hasher" | "peers" | "signal">, root: Hex, byteLength: number): Promise<CommittedTensor> {
  const bytes = await network.blobs.fetch({ kind: "tensor", root }, peers, { signal, maxBytes: byteLength });
  if (bytes.length !== byteLength) throw new GainsayError("A committed tensor does not have the length that the program gives it.", { code: "TRACE_UNFIT", kind: "verification", details: { root, wanted: byteLength, got: bytes.length } });
  return { root, bytes, leaves: await hasher.leaves(bytes) };
}
