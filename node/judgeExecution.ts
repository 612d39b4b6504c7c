import { GainsayError } from "../protocol/errors.ts";
import type { Program } from "../protocol/program/types.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import { checkAnswers } from "../runtime/disputes/answerCost.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { Expansion, LoadedProgram } from "../runtime/programs/loadedProgram.ts";
import { checkTrace, describeFinding } from "../runtime/verification/checkTrace.ts";

/** Elements of a step that are judged although both graphs agree on them: a kernel that is wrong twice agrees with itself. */
const MAX_JUDGED = 256;

export interface JudgeOptions {
  /** Also whether a demand of any step could be answered. */
  answers: boolean;
  signal?: AbortSignal | undefined;
}

/**
 * Judges an execution of this machine with what is inside of all blocks. Resolves to the number of elements in which the one-run graph and the graph cut at every tensor differ.
 * Throws `KERNEL_FAULT` and `STEP_UNANSWERABLE`.
 */
export async function judgeExecution(loaded: LoadedProgram, trace: Trace, expansions: readonly Expansion[], { answers, signal }: JudgeOptions): Promise<number> {
  const { program } = loaded;
  const inner = async (block: number): Promise<CommittedTensor[]> => (expansions[block] as Expansion).tensors;
  const { differing, finding } = await checkTrace(loaded, trace.inputs, trace.tensors, { everyElementOf: MAX_JUDGED, everyBlock: true, inner, ...(signal === undefined ? {} : { signal }) });
  if (answers) checkAnswers(program, { inputs: trace.inputs, trace: trace.tensors, inner: (block) => expansions[block]?.tensors, weight: await loaded.weights() });
  if (finding === undefined) return differing;
  const found = describeFinding(finding);
  throw new GainsayError(
    `This machine computes step ${finding.stepIndex} (${nodesOf(program, finding.stepIndex)}) of the program wrongly: element ${finding.element} is ${String(found["claimed"])}, sound is ${String(found["soundFrom"])} to ${String(found["soundTo"])}; try another execution provider or optimisation level.`,
    { code: "KERNEL_FAULT", kind: "verification", details: { program: program.root, ...found } },
  );
}

function nodesOf(program: Program, step: number): string {
  return program.nodes[step]?.join(" + ") ?? "";
}
