import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { Hashable } from "../inference/commitTrace.ts";
import type { InnerTrace } from "../inference/innerTrace.ts";
import type { Trace } from "../inference/trace.ts";

/** What an execution has committed to, as far as a block reads it: bytes in commit order. */
export interface PostedBytes {
  inputs: readonly Uint8Array[];
  tensors: readonly Uint8Array[];
}

/** Inner trace of a block, and what the block's posted tensors are if they follow from it. */
export interface Expansion extends InnerTrace {
  /** By trace index. An executor's own are the committed ones, bit for bit. */
  borders: ReadonlyMap<number, Uint8Array>;
}

/** A compiled program, ready to run and to check. */
export interface LoadedProgram {
  readonly program: Program;
  readonly bundle: Bundle;
  /** Runs the program on its inputs and commits to the posted trace. Inputs that are hashed already are not hashed again. */
  execute(inputs: readonly Hashable[], signal?: AbortSignal): Promise<Trace>;
  /**
   * Computes every posted tensor again, each block from the committed tensors given, in one run. Result i depends on the inputs and on earlier
   * entries of `tensors` only. With one step a block, that is every step.
   */
  recompute(inputs: readonly Uint8Array[], tensors: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array[]>;
  /** Runs one block from committed tensors, with the very kernels of `execute`, and commits to what is inside. */
  expand(blockIndex: number, posted: PostedBytes, signal?: AbortSignal): Promise<Expansion>;
  /**
   * Names the executable graph, by its bytes, and all that decides with which bits it and its blocks run on this machine; undefined if it is not kept on disk. The same name at a later
   * start is the same graph at the same setting.
   */
  graphName(): Promise<string | undefined>;
  /** Computes every step of a block again from committed tensors, posted and inner; results in the order of the steps. */
  recomputeSteps(blockIndex: number, posted: PostedBytes, inner: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array[]>;
  /** The same of one step. */
  recomputeStep(stepIndex: number, posted: PostedBytes, inner: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array>;
  /** Finds a weight by its index, in the layout in which it is committed. It is read when it is asked for, and kept for as long as somebody has it. */
  weights(): Promise<(index: number) => CommittedTensor>;
}
