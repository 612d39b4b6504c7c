import type { RawElement } from "../program/elements.ts";
import type { Step } from "../program/types.ts";
import type { CompiledStep } from "./compileStep.ts";
import { integerOf } from "./elementType.ts";
import { attributeWords } from "./attributes.ts";

/**
 * Linear index, before the stages, of the data element that a gather takes for the output coordinates; undefined if its index lies
 * outside of the axis. `read` must have the element of the indices.
 */
export function gatheredAt(compiled: CompiledStep, coords: readonly number[], read: (operand: number, element: number) => RawElement): number | undefined {
  const [indices, data] = compiled.maps as [CompiledStep["maps"][number], CompiledStep["maps"][number]];
  const [operand] = compiled.step.operands as [Step["operands"][number]];
  const [stride, size] = attributeWords(compiled.step.attributes) as [bigint, bigint];
  let index = integerOf(read(0, indices.resolve(indices.linear(coords, []))), operand.dtype);
  if (index < 0n) index += size;
  return index < 0n || index >= size ? undefined : data.linear(coords, []) + Number(index * stride);
}
