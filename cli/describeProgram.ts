import { dtypeBytes, roles, sources, stepKinds, type Program } from "../protocol/program/types.ts";
import { dtypeName } from "../runtime/inference/tensorTypes.ts";

const kindNames = Object.fromEntries(Object.entries(stepKinds).map(([name, number]) => [number, name]));
const roleNames = Object.fromEntries(Object.entries(roles).map(([name, number]) => [number, name]));
const sourceNames = Object.fromEntries(Object.entries(sources).map(([name, number]) => [number, name]));

/** One step for people and scripts. */
export interface StepSummary {
  index: number;
  kind: string;
  /** Nodes of the folded graph that it covers. */
  nodes: string[];
  /** Result in commit order. */
  shape: number[];
  dtype: string;
  elements: number;
  /** Points of the reduction for each element; 1 where there is none. */
  taps: number;
  operands: { role: string; source: string; index: number; elements: number }[];
  block: number;
  /** Whether the result is posted, and not inside of its block. */
  posted: boolean;
  /** Committed bytes of the result. */
  bytes: number;
}

/** Sizes of a whole program. */
export interface ProgramSummary {
  root: string;
  inputs: { name: string; dtype: string; shape: number[] }[];
  outputs: { name: string; dtype: string; shape: number[] }[];
  steps: StepSummary[];
  /** Bytes of the posted trace, and of all that is inside of blocks. */
  totals: { steps: number; blocks: number; elements: number; traceBytes: number; innerBytes: number; weights: number; weightBytes: number; taps: number };
}

/** Sums a program up. */
export function describeProgram(program: Program): ProgramSummary {
  const steps = program.steps.map((step, index): StepSummary => {
    const elements = product(step.result.shape);
    return {
      index,
      kind: kindNames[step.kind] ?? String(step.kind),
      nodes: program.nodes[index] ?? [],
      shape: step.result.shape,
      dtype: dtypeName(step.result.dtype),
      elements,
      taps: product(step.reduce),
      operands: step.operands.map(({ role, source, index: at, elements: count }) => ({ role: roleNames[role] ?? String(role), source: sourceNames[source] ?? String(source), index: at, elements: count })),
      block: step.blockIndex,
      posted: step.result.source === sources.trace,
      bytes: elements * dtypeBytes[step.result.dtype],
    };
  });
  const spec = ({ name, dtype, shape }: Program["inputs"][number]) => ({ name, dtype: dtypeName(dtype), shape });
  return {
    root: program.root,
    inputs: program.inputs.map(spec),
    outputs: program.outputs.map(spec),
    steps,
    totals: {
      steps: steps.length,
      blocks: program.blocks.length,
      elements: sum(steps.map(({ elements }) => elements)),
      traceBytes: sum(steps.map(({ bytes, posted }) => (posted ? bytes : 0))),
      innerBytes: sum(steps.map(({ bytes, posted }) => (posted ? 0 : bytes))),
      weights: program.weights.length,
      weightBytes: sum(program.weights.map(({ dtype, shape }) => product(shape) * dtypeBytes[dtype])),
      taps: sum(steps.map(({ elements, taps }) => elements * taps)),
    },
  };
}

/** An operand in a table: `in0`, `w3`, `t5`; an addend with a plus, a value in brackets. */
export function operandText({ role, source, index }: StepSummary["operands"][number]): string {
  const name = `${{ input: "in", weight: "w", trace: "t", inner: "n" }[source] ?? source}${index}`;
  return role === "addend" ? `+${name}` : role === "value" ? `(${name})` : name;
}

/** A tensor's type and shape for people. */
export function tensorText({ name, dtype, shape }: { name: string; dtype: string; shape: readonly number[] }): string {
  return `${name} ${dtype} [${shape.join(",")}]`;
}

function product(shape: readonly number[]): number {
  return shape.reduce((result, size) => result * size, 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
