import type { Program } from "../../protocol/program/types.ts";
import { elementType, writeElement } from "./elementTypes.ts";
import { createRandom } from "./random.ts";

/**
 * Inputs of a program, the same for the same seed: floats from −1 to 1, bytes of any value, and 32- and 64-bit integers below
 * `range`, since these are mostly indices and masks, which must not be large.
 */
export function seededInputs(program: Program, seed: number, range: number): Uint8Array[] {
  const random = createRandom(seed);
  return program.inputs.map(({ dtype, shape }) => {
    const type = elementType(dtype);
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = new Uint8Array(count * type.bytes);
    for (let i = 0; i < count; i++) writeElement(dtype, bytes, i, type.seeded(random, range));
    return bytes;
  });
}
