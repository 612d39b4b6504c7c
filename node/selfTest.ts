import { GainsayError } from "../protocol/errors.ts";
import { dtypes, type Program, type TensorSpec } from "../protocol/program/types.ts";
import { hasInner } from "../protocol/program/blocks.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import { elementType, writeElement } from "../runtime/audit/elementTypes.ts";
import { checkAnswers } from "../runtime/disputes/answerCost.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { Expansion, LoadedProgram } from "../runtime/programs/loadedProgram.ts";
import { checkTrace, describeFinding } from "../runtime/verification/checkTrace.ts";
import type { TestMemory, TestRecord } from "./createTestMemory.ts";

/** Executions that a program must pass before a stake depends on it. */
const ROUNDS = 2;

export interface SelfTestReport {
  /** Elements in which the one-run graph and the graph cut at every tensor differ; each was judged. */
  differing: number;
  /** The program gave the very bits that were judged sound at an earlier start. */
  recalled: boolean;
}

export interface SelfTestOptions {
  signal?: AbortSignal | undefined;
  /** Where it stands which bits have been judged sound already. */
  memory?: TestMemory | undefined;
}

/**
 * Runs a program on seeded inputs, expands every block, and checks every step with the checker that watchers use. Kernels have faults, and a stake does not
 * care whose fault a wrong number is: an executor refuses to serve what it computes wrongly.
 *
 * Judging takes most of the time, and its verdict depends on the program and on the bits alone. So where the first execution and the inside of every block
 * have the roots that they had when the whole test was passed, on whatever machine, nothing is judged again.
 * Throws `KERNEL_FAULT` naming step, element, value and bound, `BLOCK_DIFFERS`, and `STEP_UNANSWERABLE` if a demand could not be answered in a transaction.
 */
export async function selfTest(loaded: LoadedProgram, { signal, memory }: SelfTestOptions = {}): Promise<SelfTestReport> {
  const { program } = loaded;
  const passed = await memory?.recall(program.root);
  let first: Omit<TestRecord, "differing"> | undefined;
  let differing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const inputs = program.inputs.map((spec, i) => seededInput(spec, round * 1000 + i));
    const trace = await loaded.execute(inputs, signal);
    const expansions = await expandAll(loaded, trace, signal);
    const { traceRoot } = trace;
    const innerRoots = expansions.map(({ innerRoot }) => innerRoot ?? null);
    if (round === 0 && passed !== undefined && passed.traceRoot === traceRoot && passed.innerRoots.join() === innerRoots.join()) return { differing: passed.differing, recalled: true };
    first ??= { traceRoot, innerRoots };
    const inner = async (block: number): Promise<CommittedTensor[]> => (expansions[block] as Expansion).tensors;
    const report = await checkTrace(loaded, trace.inputs, trace.tensors, { everyElementOf: MAX_JUDGED, everyBlock: true, inner, ...(signal === undefined ? {} : { signal }) });
    differing += report.differing;
    if (round === 0) {
      checkAnswers(program, { inputs: trace.inputs, trace: trace.tensors, inner: (block) => expansions[block]?.tensors, weight: (index) => loaded.weight(index) });
    }
    if (report.finding === undefined) continue;
    const found = describeFinding(report.finding);
    throw new GainsayError(
      `This machine computes step ${report.finding.stepIndex} (${nodesOf(program, report.finding.stepIndex)}) of the program wrongly: element ${report.finding.element} is ${String(found["claimed"])}, sound is ${String(found["soundFrom"])} to ${String(found["soundTo"])}; try another execution provider or optimisation level.`,
      { code: "KERNEL_FAULT", kind: "verification", details: { program: program.root, ...found } },
    );
  }
  if (first !== undefined) await memory?.keep(program.root, { differing, ...first });
  return { differing, recalled: false };
}

/** Every block run by itself. Throws `BLOCK_DIFFERS` if that is not, bit for bit, what the run of the whole has posted: the executor could not defend itself. */
async function expandAll(loaded: LoadedProgram, trace: Trace, signal?: AbortSignal): Promise<Expansion[]> {
  const { program } = loaded;
  const posted = { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) };
  const expansions: Expansion[] = [];
  if (!hasInner(program)) return expansions;
  for (const block of program.blocks.keys()) {
    const expansion = await loaded.expand(block, posted, signal);
    const strayed = [...expansion.borders].find(([tensor, bytes]) => Buffer.compare(bytes, posted.tensors[tensor] as Uint8Array) !== 0);
    if (strayed !== undefined) {
      throw new GainsayError(
        `Block ${block} of the program gives other numbers by itself than in a run of the whole on this machine, so a dispute about it could not be answered; try another execution provider or optimisation level, or compile the model with --granularity layer.`,
        { code: "BLOCK_DIFFERS", kind: "verification", details: { program: program.root, block, tensor: strayed[0] } },
      );
    }
    expansions.push(expansion);
  }
  return expansions;
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
  const type = elementType(dtype);
  const bytes = new Uint8Array(count * type.bytes);
  for (let i = 0; i < count; i++) writeElement(dtype, bytes, i, type.nearest(type.isFloat ? next() * 2 - 1 : Math.floor(next() * (dtype === dtypes.bool ? 2 : type.bytes === 1 ? 256 : 10))));
  return bytes;
}
