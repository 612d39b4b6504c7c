import { elementCount } from "../../protocol/onnx/tensors.ts";
import { sources, type Operand, type Program } from "../../protocol/program/types.ts";

/** What does not fit together in a program's tables, or undefined; the hashes alone do not say that the tables agree with each other. */
export function checkProgram(program: Program): string | undefined {
  const { steps, trace, weights, inputs, outputs, nodes } = program;
  if (trace.length !== steps.length || nodes.length !== steps.length) return "it has not one trace tensor for each step";
  for (const [index, tensor] of trace.entries()) {
    const { result } = steps[index]!;
    if (tensor.step !== index || result.source !== sources.trace || result.index !== index || result.dtype !== tensor.dtype) return `step ${index} does not define trace tensor ${index}`;
    if (!isPermutation(tensor.perm, tensor.shape.length) || elementCount(result.shape) !== elementCount(tensor.shape)) return `trace tensor ${index} does not have its step's shape`;
  }
  for (const [index, weight] of weights.entries()) if (!isPermutation(weight.perm, weight.shape.length)) return `weight ${index} has no proper commit order`;
  for (const output of outputs) if (output.trace >= trace.length || output.access.outStrides.length !== output.shape.length) return `output ${JSON.stringify(output.name)} is in no trace tensor`;
  const elementsOf = (operand: Operand, step: number): number | undefined => {
    if (operand.source === sources.input) return inputs[operand.index] && elementCount(inputs[operand.index]!.shape);
    if (operand.source === sources.weight) {
      const weight = weights[operand.index];
      return weight !== undefined && weight.root === operand.root ? elementCount(weight.shape) : undefined;
    }
    // A step may read only what earlier steps define.
    return operand.source === sources.trace && operand.index < step ? elementCount(trace[operand.index]!.shape) : undefined;
  };
  for (const [index, step] of steps.entries()) {
    for (const [k, operand] of step.operands.entries()) if (elementsOf(operand, index) !== operand.elements) return `operand ${k} of step ${index} is not the tensor it names`;
  }
  return undefined;
}

function isPermutation(perm: readonly number[], rank: number): boolean {
  return perm.length === rank && new Set(perm).size === rank && perm.every((axis) => axis < rank);
}
