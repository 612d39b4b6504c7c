import { dtypeBytes, dtypes, type Dtype, type Operand, type Step } from "../../../protocol/program/types.ts";
import { integerTypes, type Random, type Style } from "./random.ts";
import { affine, dims, finish, randomExpression, step, type Case } from "./randomCase.ts";

const anyType = [dtypes.float32, ...integerTypes] as const;

/** Elementwise over integers, in the integer domain or in that of floats. */
export function mapOfIntegers(random: Random, style: Style): Case {
  const shape = dims(random, 3, 5);
  const operands = Array.from({ length: random.int(1, 3) }, () => typed(affine(random, 2, shape, []), random.pick(random.chance(0.8) ? integerTypes : anyType)));
  const made = step(2, 0, shape, [], operands);
  made.result.dtype = random.pick(anyType);
  if (random.chance(0.9)) made.expression = randomExpression(random, operands.length, random.chance(0.7));
  return finish(random, style, "map of integers", made, false);
}

/** Sums of floats or integers, and means. */
export function sums(random: Random, style: Style): Case {
  const [shape, reduce] = [dims(random, 2, 4), dims(random, 3, 5)];
  const made = step(3, random.int(3, 5), shape, reduce, [affine(random, 0, shape, reduce)]);
  if (made.op === 3 && random.chance(0.4)) {
    (made.operands[0] as Operand).dtype = random.pick(integerTypes);
    made.result.dtype = random.pick(integerTypes);
  }
  return finish(random, style, "sum", made);
}

/** Products of bytes with zero points, long and contiguous or small and strided; now and then of wider integers. */
export function integerContraction(random: Random, style: Style): Case {
  const long = random.chance(0.4);
  const shape = long ? [2] : dims(random, 2, 4);
  const reduce = long ? [random.int(1, 200)] : dims(random, 3, 5);
  const bytes = [dtypes.uint8, dtypes.int8] as const;
  const pick = () => random.pick<Dtype>(random.chance(0.8) ? bytes : integerTypes);
  const made = step(1, 0, shape, reduce, [typed(affine(random, 0, shape, reduce), pick()), typed(affine(random, 0, shape, reduce), pick())]);
  if (long) for (const { access } of made.operands) if (random.chance(0.8)) Object.assign(access, { offset: random.int(0, 3), outStrides: [0], reduceStrides: [1], windows: [], stages: [] });
  for (const operand of made.operands) operand.elements = Math.max(operand.elements, 210);
  for (let i = random.int(0, 1); i > 0; i--) made.operands.push(typed(affine(random, 1, shape, reduce), dtypes.int32));
  made.result.dtype = random.pick([dtypes.int32, dtypes.int32, dtypes.int8, dtypes.uint8, dtypes.float32]);
  if (random.chance(0.6)) made.attributes = words([BigInt(random.int(-130, 260)), random.chance(0.9) ? BigInt(random.int(-130, 260)) : 2n ** 62n]);
  if (random.chance(0.5)) made.expression = requantisation(random);
  return finish(random, style, "integer contraction", made, made.expression.length === 0);
}

/** slot 0 · scale → round → add zero point → saturate. */
function requantisation(random: Random): Uint8Array {
  const constant = (value: number) => [0x02, ...new Uint8Array(new Float32Array([value]).buffer).reverse()];
  return Uint8Array.from([0x01, 0, ...constant(random.pick([0.003, 0.5, 2 ** -10])), 0x12, 0x42, ...constant(random.int(-5, 130)), 0x10, ...constant(-128), 0x14, ...constant(127), 0x15]);
}

/** Elements looked up by an index of which some are negative and some out of range. */
export function gather(random: Random, style: Style): Case {
  const shape = dims(random, 3, 4);
  const [size, stride] = [random.int(1, 9), random.int(-3, 5)];
  const indices = typed(affine(random, 0, shape, []), random.pick([dtypes.int32, dtypes.int64, dtypes.int8]));
  const data = typed(affine(random, 0, shape, []), random.pick(anyType));
  const reach = Math.abs(stride) * (size - 1);
  if (data.access.stages.length === 0) {
    data.elements += reach;
    if (stride < 0) data.access.offset += reach;
  }
  for (const { access } of [indices, data]) access.windows = [];
  const made = step(5, 0, shape, [], [indices, data]);
  made.result.dtype = random.chance(0.8) ? data.dtype : random.pick(anyType);
  made.attributes = words([BigInt(stride), BigInt(size)]);
  return finish(random, style, "gather", made);
}

/** Elements from one of several tensors side by side, or a constant. */
export function movement(random: Random, style: Style): Case {
  const shape = [random.int(1, 6), random.int(1, 4)];
  const dtype = random.pick(anyType);
  const operands = Array.from({ length: random.int(1, 3) }, () => {
    const operand = typed(affine(random, 2, shape, []), dtype);
    operand.access.windows = Array.from({ length: random.int(0, 2) }, () => ({ outDim: random.pick([0, 1, 255]), reduceDim: 255, stride: random.int(-1, 2), dilation: 0, pad: random.int(-1, 2), size: random.int(1, 5) }));
    return operand;
  });
  const made = step(6, 0, shape, [], operands);
  made.result.dtype = random.chance(0.8) ? dtype : random.pick(anyType);
  if (random.chance(0.5)) made.attributes = Uint8Array.from({ length: dtypeBytes[dtype] }, () => random.int(0, 255));
  if (random.chance(0.2)) made.expression = randomExpression(random, 1);
  return finish(random, style, "movement", made, false);
}

/** A row and, mostly, one of its elements. */
export function softmax(random: Random, style: Style): Case {
  const [rows, k] = [random.int(1, 3), random.int(1, random.chance(0.1) ? 300 : 20)];
  const row = affine(random, 0, [rows, k], [k]);
  Object.assign(row, { elements: rows * k, access: { offset: 0, outStrides: [k, 0], reduceStrides: [1], windows: [], stages: [] } });
  const own: Operand = { ...row, role: 2, access: { offset: 0, outStrides: [k, 1], reduceStrides: [], windows: [], stages: [] } };
  const made = step(4, random.int(1, 2), [rows, k], [k], [row, own]);
  const found = finish(random, style, "softmax", made);
  if (random.chance(0.9)) found.operands[1] = found.operands[0] as Uint8Array;
  return found;
}

export function argExtreme(random: Random, style: Style): Case {
  const [shape, reduce] = [dims(random, 2, 4), dims(random, 2, 6)];
  const made: Step = step(3, random.int(6, 7), shape, reduce, [typed(affine(random, 0, shape, reduce), random.pick([dtypes.float32, dtypes.float32, ...integerTypes]))]);
  made.result.dtype = dtypes.int64;
  if (random.chance(0.3)) made.attributes = Uint8Array.of(1);
  return finish(random, style, "index of the extreme", made, false);
}

function typed(operand: Operand, dtype: Dtype): Operand {
  return { ...operand, dtype };
}

/** Integers as 32-byte words. */
export function words(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 32);
  values.forEach((value, i) => {
    for (let k = 0; k < 32; k++) bytes[32 * i + 31 - k] = Number((value >> BigInt(8 * k)) & 0xffn);
  });
  return bytes;
}
