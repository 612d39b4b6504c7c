import { GainsayError } from "../protocol/errors.ts";
import { hasInner } from "../protocol/program/blocks.ts";
import { dtypes, type TensorSpec } from "../protocol/program/types.ts";
import { elementType, writeElement } from "../runtime/audit/elementTypes.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { Expansion, LoadedProgram } from "../runtime/programs/loadedProgram.ts";
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
 * have the roots that they had when the whole test was passed, on whatever machine, nothing is judged again; and where the very graph that was tested is still kept, and runs at the
 * same setting, the first execution alone says so, since the blocks are parts of that graph.
 * Throws `KERNEL_FAULT` naming step, element, value and bound, `BLOCK_DIFFERS`, and `STEP_UNANSWERABLE` if a demand could not be answered in a transaction.
 */
export async function selfTest(loaded: LoadedProgram, { signal, memory }: SelfTestOptions = {}): Promise<SelfTestReport> {
  const { program } = loaded;
  const remembered = memory?.recall(program.root);
  let passed: TestRecord | undefined;
  let first: Omit<TestRecord, "differing"> | undefined;
  let differing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const trace = await loaded.execute(program.inputs.map((spec, i) => seededInput(spec, round * 1000 + i)), signal);
    const { traceRoot } = trace;
    const graph = await loaded.graphName();
    if (round === 0) passed = await remembered;
    const known = round === 0 && passed?.traceRoot === traceRoot ? passed : undefined;
    if (known?.graph !== undefined && known.graph === graph) {
      trace.release?.();
      return { differing: known.differing, recalled: true };
    }
    const expansions = await expandAll(loaded, trace, signal);
    const innerRoots = expansions.map(({ innerRoot }) => innerRoot ?? null);
    first ??= { traceRoot, innerRoots, ...(graph === undefined ? {} : { graph }) };
    if (known !== undefined && known.innerRoots.join() === innerRoots.join()) {
      await memory?.keep(program.root, { differing: known.differing, ...first });
      return { differing: known.differing, recalled: true };
    }
    // A start that knows its bits does without the judge.
    const { judgeExecution } = await import("./judgeExecution.ts");
    differing += await judgeExecution(loaded, trace, expansions, { answers: round === 0, signal });
    trace.release?.();
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

/** Bytes of an input: floats in [−1, 1), integers from 0 to 9, from a linear congruential generator (Numerical Recipes). */
function seededInput({ dtype, shape }: TensorSpec, seed: number): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = (seed + 1) >>> 0;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (dtype === dtypes.float32) {
    const floats = new Float32Array(count);
    // Each start waits for it, and `from` takes two to four times as long.
    for (let i = 0; i < count; i++) floats[i] = next() * 2 - 1;
    return new Uint8Array(floats.buffer);
  }
  const type = elementType(dtype);
  const bytes = new Uint8Array(count * type.bytes);
  for (let i = 0; i < count; i++) writeElement(dtype, bytes, i, type.nearest(type.isFloat ? next() * 2 - 1 : Math.floor(next() * (dtype === dtypes.bool ? 2 : type.bytes === 1 ? 256 : 10))));
  return bytes;
}
