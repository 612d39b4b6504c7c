import { GainsayError } from "../protocol/errors.ts";
import { dtypes, type Program, type TensorSpec } from "../protocol/program/types.ts";
import { checkAnswers } from "../runtime/disputes/answerCost.ts";
import type { LoadedProgram } from "../runtime/programs/createPrograms.ts";
import { checkTrace, describeFinding } from "../runtime/verification/checkTrace.ts";

/** Executions that a program must pass before a stake depends on it. */
const ROUNDS = 2;

export interface SelfTestReport {
  /** Elements in which the one-run graph and the graph cut at every tensor differ; each was judged. */
  differing: number;
}

/**
 * Runs a program on seeded inputs and checks every step with the checker that watchers use. Kernels have faults, and a stake does not
 * care whose fault a wrong number is: an executor refuses to serve what it computes wrongly.
 * Throws `KERNEL_FAULT` naming step, element, value and bound, and `STEP_UNANSWERABLE` if a demand could not be answered in a transaction.
 */
export async function selfTest(loaded: LoadedProgram, signal?: AbortSignal): Promise<SelfTestReport> {
  let differing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const inputs = loaded.program.inputs.map((spec, i) => seededInput(spec, round * 1000 + i));
    const trace = await loaded.execute(inputs, signal);
    const report = await checkTrace(loaded, trace.inputs, trace.tensors, { everyElementOf: MAX_JUDGED, ...(signal === undefined ? {} : { signal }) });
    differing += report.differing;
    if (round === 0) checkAnswers(loaded.program, { inputs: trace.inputs, trace: trace.tensors, weight: (index) => loaded.weight(index) });
    if (report.finding === undefined) continue;
    const found = describeFinding(report.finding);
    throw new GainsayError(
      `This machine computes step ${report.finding.stepIndex} (${nodesOf(loaded.program, report.finding.stepIndex)}) of the program wrongly: element ${report.finding.element} is ${String(found["claimed"])}, sound is ${String(found["soundFrom"])} to ${String(found["soundTo"])}; try another execution provider or optimisation level.`,
      { code: "KERNEL_FAULT", kind: "verification", details: { program: loaded.program.root, ...found } },
    );
  }
  return { differing };
}

/** Elements of a step that are judged although both graphs agree on them: a kernel that is wrong twice agrees with itself. */
const MAX_JUDGED = 256;

function nodesOf(program: Program, step: number): string {
  return program.nodes[step]?.join(" + ") ?? "";
}

/** Bytes of an input: floats in [−1, 1), integers from 0 to 9, from a linear congruential generator (Numerical Recipes). */
function seededInput({ dtype, shape }: TensorSpec, seed: number): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = (seed + 1) >>> 0;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  switch (dtype) {
    case dtypes.float32:
      return new Uint8Array(Float32Array.from({ length: count }, () => next() * 2 - 1).buffer);
    case dtypes.int64:
      return new Uint8Array(BigInt64Array.from({ length: count }, () => BigInt(Math.floor(next() * 10))).buffer);
    case dtypes.int32:
      return new Uint8Array(Int32Array.from({ length: count }, () => Math.floor(next() * 10)).buffer);
    case dtypes.bool:
      return Uint8Array.from({ length: count }, () => Math.floor(next() * 2));
    case dtypes.uint8:
    case dtypes.int8:
      return Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
    default:
      return new Uint8Array(count * 2);
  }
}
