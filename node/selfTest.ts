import { GainsayError } from "../protocol/errors.ts";
import { hasInner } from "../protocol/program/blocks.ts";
import { dtypes, type TensorSpec } from "../protocol/program/types.ts";
import { elementType, writeElement } from "../runtime/audit/elementTypes.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { Expansion, LoadedProgram, PostedBytes } from "../runtime/programs/loadedProgram.ts";
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
  const inputsOf = (round: number): Uint8Array[] => program.inputs.map((spec, i) => seededInput(spec, round * 1000 + i));
  const remembered = memory?.recall(program.root);
  const executed = await loaded.execute(inputsOf(0), signal);
  const passed = await remembered;
  if (passed !== undefined && (await sameBits(loaded, executed, passed, signal))) return { differing: passed.differing, recalled: true };

  const { judgeExecution } = await import("./judgeExecution.ts");
  let first: Omit<TestRecord, "differing"> | undefined;
  let differing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const trace = round === 0 ? executed : await loaded.execute(inputsOf(round), signal);
    const expansions = await expandEach(loaded, trace, signal);
    first ??= { traceRoot: trace.traceRoot, innerRoots: innerRootsOf(expansions) };
    differing += await judgeExecution(loaded, trace, expansions, { answers: round === 0, signal });
  }
  if (first !== undefined) await memory?.keep(program.root, { differing, ...first });
  return { differing, recalled: false };
}

/** Whether an execution, and what is inside of its blocks, are the bits of a test that was passed. */
async function sameBits(loaded: LoadedProgram, trace: Trace, passed: TestRecord, signal: AbortSignal | undefined): Promise<boolean> {
  if (passed.traceRoot !== trace.traceRoot) return false;
  const expansions = hasInner(loaded.program) ? await loaded.expandAll(postedOf(trace), signal) : [];
  return innerRootsOf(expansions).join() === passed.innerRoots.join();
}

function innerRootsOf(expansions: readonly Expansion[]): TestRecord["innerRoots"] {
  return expansions.map(({ innerRoot }) => innerRoot ?? null);
}

function postedOf({ inputs, tensors }: Trace): PostedBytes {
  return { inputs: inputs.map(({ bytes }) => bytes), tensors: tensors.map(({ bytes }) => bytes) };
}

/** Every block run by itself. Throws `BLOCK_DIFFERS` if that is not, bit for bit, what the run of the whole has posted: the executor could not defend itself. */
async function expandEach(loaded: LoadedProgram, trace: Trace, signal?: AbortSignal): Promise<Expansion[]> {
  const { program } = loaded;
  const posted = postedOf(trace);
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
