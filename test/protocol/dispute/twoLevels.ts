import { traceTree } from "../../../protocol/dispute/defenderMove.ts";
import { resultOf, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { toHex } from "../../../protocol/hex.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { assembleProgram } from "../../../protocol/lowering/assembleProgram.ts";
import type { Program, Source, Step, TraceTensor } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { listRootFromTop } from "../../../protocol/trees/listTree.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { operandOf, stepOf } from "../judge/makeStep.ts";

const NEG = 0x20;
const RELU = 0x30;
const PUSH = 0x01;
export const noRoot = `0x${"00".repeat(32)}` as const;

function commit(values: Float32Array): CommittedTensor {
  const bytes = new Uint8Array(values.buffer);
  return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
}
const valuesOf = ({ bytes }: CommittedTensor): Float32Array => new Float32Array(bytes.slice().buffer);

/** Another value at one element of one step. */
export interface Lie {
  step: number;
  element: number;
}

/** A chain of exact steps, cut into blocks: step i negates or clips the result of an earlier step, and what another block reads is a border. */
export function twoLevels(parents: readonly number[], cuts: readonly boolean[], elements: number) {
  const from = parents.map((parent, i) => (i === 0 ? -1 : parent % i));
  let block = 0;
  const blockOf = from.map((_, i) => (i > 0 && cuts[i % cuts.length] === true ? ++block : block));
  const last = from.length - 1;
  const isBorder = (i: number): boolean => i === last || from.some((parent, reader) => parent === i && blockOf[reader] !== blockOf[i]);
  const places: { source: Source; index: number }[] = [];
  from.forEach((_, i) => {
    const before = places.filter(({ source }, j) => source === (isBorder(i) ? 2 : 3) && (isBorder(i) || blockOf[j] === blockOf[i]));
    places.push({ source: isBorder(i) ? 2 : 3, index: before.length });
  });
  // A border that its own block reads is read from the posted trace.
  const steps: Step[] = from.map((parent, i) => ({
    ...stepOf(2, [elements], [], [{ ...operandOf(2, elements, { outStrides: [1] }), ...(parent < 0 ? { source: 0, index: 0 } : places[parent]!), root: noRoot }], [PUSH, 0, i % 3 === 2 ? RELU : NEG]),
    blockIndex: blockOf[i]!,
    result: { dtype: 1, shape: [elements], ...places[i]! },
  }));
  const table = (i: number): TraceTensor => ({ name: `t${i}`, dtype: 1, shape: [elements], perm: [0], step: i });
  const ofSource = (wanted: Source): TraceTensor[] => steps.flatMap(({ result }, i) => (result.source === wanted ? [table(i)] : []));
  const access = { offset: 0, outStrides: [1], reduceStrides: [], windows: [], stages: [] };
  const program: Program = assembleProgram(toHex(sha256(new Uint8Array([1]))), { steps, inputs: [{ name: "x", dtype: 1, shape: [elements] }], outputs: [{ name: "y", dtype: 1, shape: [elements], trace: places[last]!.index, access }], trace: ofSource(2), inner: ofSource(3), weights: [], nodes: steps.map(() => []) });
  const input = Float32Array.from({ length: elements }, (_, i) => Math.fround(Math.sin(i + 1) * 3));

  const assemble = (results: readonly CommittedTensor[]): ExecutionTensors => {
    const trace: CommittedTensor[] = [];
    const inner = program.blocks.map((): CommittedTensor[] => []);
    results.forEach((tensor, i) => (places[i]!.source === 2 ? trace : inner[blockOf[i]!]!).push(tensor));
    return { inputs: [commit(input)], trace, inner: (wanted) => inner[wanted], weight: () => { throw new Error("the program has no weights"); } };
  };
  const compute = (i: number, read: Float32Array): Float32Array => read.map((value) => (i % 3 === 2 ? Math.max(0, value) : -value));
  /** What follows if one step gets another value at one element. */
  const run = (lie?: Lie): ExecutionTensors => {
    const results: CommittedTensor[] = [];
    from.forEach((parent, i) => {
      const values = compute(i, parent < 0 ? input : valuesOf(results[parent]!));
      if (lie?.step === i) values[lie.element] = (values[lie.element] as number) + 0.5;
      results.push(commit(values));
    });
    return assemble(results);
  };
  /** Block `wanted` run again from the borders that `theirs` has posted; everything else is theirs. */
  const rerun = (wanted: number, theirs: ExecutionTensors): ExecutionTensors => {
    const results: CommittedTensor[] = [];
    from.forEach((parent, i) => {
      if (blockOf[i] !== wanted) return results.push(resultOf(steps[i]!, theirs));
      return results.push(commit(compute(i, parent < 0 ? input : valuesOf(results[parent]!))));
    });
    return assemble(results);
  };
  return { program, run, rerun, blockOf, places };
}

/** The roots that a commitment to this execution claims. */
export const rootsOf = (program: Program, { inputs, trace }: ExecutionTensors) => ({
  programRoot: program.root,
  inputRoot: toHex(listRootFromTop("inputs", inputs.length, traceTree(inputs).top)),
  traceRoot: toHex(listRootFromTop("trace", trace.length, traceTree(trace).top)),
});
