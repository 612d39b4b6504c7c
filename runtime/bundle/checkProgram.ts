import { elementCount } from "../../protocol/program/elements.ts";
import { sources, type Operand, type Program, type Source, type Step, type TraceTensor } from "../../protocol/program/types.ts";

/** What does not fit together in a program's tables, or undefined; the hashes alone do not say that the tables agree with each other. */
export function checkProgram(program: Program): string | undefined {
  const { steps, trace, inner, weights, inputs, outputs, nodes } = program;
  if (trace.length + inner.length !== steps.length || nodes.length !== steps.length) return "it has not one tensor for each step";
  const defined = definitions(program);
  if (typeof defined === "string") return defined;
  for (const [index, weight] of weights.entries()) if (!isPermutation(weight.perm, weight.shape.length)) return `weight ${index} has no proper commit order`;
  for (const output of outputs) if (output.trace >= trace.length || output.access.outStrides.length !== output.shape.length) return `output ${JSON.stringify(output.name)} is in no trace tensor`;
  const elementsOf = ({ source, index, root }: Operand, reader: number): number | undefined => {
    if (source === sources.input) return inputs[index] && elementCount(inputs[index]!.shape);
    if (source === sources.weight) {
      const weight = weights[index];
      return weight !== undefined && weight.root === root ? elementCount(weight.shape) : undefined;
    }
    const tensor = source === sources.trace ? trace[index] : defined.get(keyOf(source, index, steps[reader]!.blockIndex));
    // A step may read only what earlier steps define.
    return tensor !== undefined && tensor.step < reader ? elementCount(tensor.shape) : undefined;
  };
  for (const [index, step] of steps.entries()) {
    for (const [k, operand] of step.operands.entries()) if (elementsOf(operand, index) !== operand.elements) return `operand ${k} of step ${index} is not the tensor it names`;
  }
  return undefined;
}

/** The tensors by the results that define them, each once and in order; or what is wrong. */
function definitions({ steps, trace, inner, blocks }: Program): Map<string, TraceTensor> | string {
  const defined = new Map<string, TraceTensor>();
  let posted = 0;
  let passed = 0;
  let within = 0;
  for (const [index, { result, blockIndex }] of steps.entries()) {
    const previous = index === 0 ? -1 : (steps[index - 1] as Step).blockIndex;
    if (blockIndex !== previous && blockIndex !== previous + 1) return `step ${index} is not in the next block`;
    if (blockIndex !== previous) within = 0;
    const isPosted = result.source === sources.trace;
    if (!isPosted && result.source !== sources.inner) return `step ${index} defines no tensor of a trace`;
    const tensor = isPosted ? trace[posted] : inner[passed];
    if (tensor?.step !== index || result.index !== (isPosted ? posted : within) || result.dtype !== tensor.dtype) return `step ${index} does not define the ${isPosted ? "trace" : "inner"} tensor in its place`;
    if (!isPermutation(tensor.perm, tensor.shape.length) || elementCount(result.shape) !== elementCount(tensor.shape)) return `the tensor of step ${index} does not have its step's shape`;
    defined.set(keyOf(result.source, result.index, blockIndex), tensor);
    if (isPosted) posted++;
    else {
      passed++;
      within++;
    }
  }
  return blocks.every(({ borders }) => borders.length > 0) ? defined : "one of its blocks posts nothing";
}

function keyOf(source: Source, index: number, blockIndex: number): string {
  return source === sources.inner ? `${blockIndex}/${index}` : `posted/${index}`;
}

function isPermutation(perm: readonly number[], rank: number): boolean {
  return perm.length === rank && new Set(perm).size === rank && perm.every((axis) => axis < rank);
}
