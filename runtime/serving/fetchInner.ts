import type { Hex } from "../../protocol/hex.ts";
import { innerTensors } from "../../protocol/program/blocks.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { domains } from "../../protocol/trees/domains.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import type { InnerTrace } from "../inference/innerTrace.ts";
import type { Network } from "../network/createNetwork.ts";
import { fetchListedTensors } from "./fetchTrace.ts";

/** Milliseconds for the list of an inner trace: the peer runs the block first. */
const EXPANSION_TIMEOUT_MS = 60_000;

export interface FetchInnerOptions {
  network: Pick<Network, "blobs">;
  /** Addresses with peer id, or ids of connected peers. */
  peers: readonly string[];
  program: Program;
  traceRoot: Hex;
  blockIndex: number;
  /** What the executor has committed on chain for this block; without it, the word of the peer that serves is taken. */
  innerRoot?: Hex;
  /** Own tensors: those with the same root are not fetched. */
  own?: readonly CommittedTensor[];
  signal: AbortSignal;
}

/**
 * Fetches the inner trace of a block from whoever executed it, each tensor verified against the list, and the list against what is committed on
 * chain, if that is known. Throws `TRACE_UNFIT` if the list or a tensor does not have the program's shape, and what a blob fetch throws.
 */
export async function fetchInner(options: FetchInnerOptions): Promise<InnerTrace> {
  const { program, traceRoot, blockIndex, innerRoot } = options;
  const name = innerRoot === undefined ? ({ kind: "inner", root: traceRoot, block: blockIndex } as const) : ({ kind: "list", root: innerRoot, domain: domains.inner } as const);
  const unfit = "The inner trace of a block does not have as many tensors as the program.";
  const tensors = await fetchListedTensors({ ...options, timeoutMs: EXPANSION_TIMEOUT_MS }, name, innerTensors(program, blockIndex), unfit);
  return { blockIndex, innerRoot: listRootOf("inner", tensors.map(({ root }) => root)), tensors };
}
