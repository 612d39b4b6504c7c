import { GainsayError } from "../../protocol/errors.ts";
import { traceName } from "../../protocol/lowering/graphNames.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { fromResult, toFeed } from "./bfloats.ts";
import { bytesOf, commitTrace, type Hashable } from "./commitTrace.ts";
import type { Inference } from "./createInference.ts";
import { dtypeName } from "./tensorTypes.ts";
import type { Trace } from "./trace.ts";
import type { TensorBytes } from "./types.ts";

export interface TracedExecution {
  program: Program;
  /** Name under which the traced graph of the program is loaded: its outputs `trace:0`, `trace:1`, … are in commit order. */
  tracedKey: string;
  inference: Pick<Inference, "run">;
  hasher: Pick<Hasher, "commit">;
  /** Inputs in program order, row-major. */
  inputs: readonly Hashable[];
  signal?: AbortSignal;
}

/**
 * Runs the traced graph once and commits to its inputs and to its posted trace.
 * Throws `TRACE_MISMATCH` if the graph is not the program's, and what `Inference.run` throws.
 */
export async function executeTraced({ program, tracedKey, inference, hasher, inputs, signal }: TracedExecution): Promise<Trace> {
  const feeds: Record<string, TensorBytes> = {};
  program.inputs.forEach(({ name, dtype, shape }, i) => {
    const input = inputs[i];
    if (input !== undefined) feeds[name] = toFeed({ dtype, shape, bytes: bytesOf(input) });
  });
  const results = await inference.run(tracedKey, feeds, signal === undefined ? {} : { signal });
  const tensors = program.trace.map((spec, i) => {
    const output = traceName(i);
    const given = Object.hasOwn(results, output) ? results[output] : undefined;
    if (given === undefined) throw new GainsayError(`The traced graph does not give the tensor ${JSON.stringify(spec.name)} (output ${output}); build it from the same bundle.`, { code: "TRACE_MISMATCH", details: { output } });
    const result = fromResult(given, spec.dtype);
    if (result.dtype !== spec.dtype) {
      throw new GainsayError(`The traced graph gives ${JSON.stringify(spec.name)} as ${dtypeName(result.dtype)}, but the program has ${dtypeName(spec.dtype)}.`, { code: "TRACE_MISMATCH", details: { output } });
    }
    return result.bytes;
  });
  return commitTrace(program, inputs, tensors, hasher);
}
