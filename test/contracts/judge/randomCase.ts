import { dtypeBytes, type Access, type Operand, type Role, type Step, type Window } from "../../../protocol/program/types.ts";
import { zeroHash } from "viem";
import { halfTypes, integerTypes, Random, randomBits, randomElements, styles, type Style } from "./random.ts";
import { argExtreme, gather, integerContraction, mapOfIntegers, movement, softmax, sums } from "./randomKinds.ts";

/** A step with the bytes of its operands, and an element to judge. */
export interface Case {
  label: string;
  step: Step;
  operands: Uint8Array[];
  element: number;
}

/** A random step of any kind over random shapes, index maps, windows and values. */
export function randomCase(random: Random): Case {
  const style = random.pick(styles);
  const build = random.pick([matmul, convolution, strided, strided, map, map, pool, pool, mapOfIntegers, sums, integerContraction, integerContraction, gather, movement, softmax, argExtreme]);
  return build(random, style);
}

function matmul(random: Random, style: Style): Case {
  const [m, n, k] = [random.int(1, 4), random.int(1, 4), random.int(0, 3) === 0 ? random.int(1, 700) : random.int(1, 40)] as const;
  const transposed = random.chance(0.7);
  const f = operand(0, m * k, { offset: 0, outStrides: [k, 0], reduceStrides: [1], windows: [], stages: [] });
  const g = operand(0, n * k, transposed ? { offset: 0, outStrides: [0, k], reduceStrides: [1], windows: [], stages: [] } : { offset: 0, outStrides: [0, 1], reduceStrides: [n], windows: [], stages: [] });
  const bias = operand(1, n, { offset: 0, outStrides: [0, 1], reduceStrides: random.chance(0.5) ? [] : [0], windows: [], stages: [] });
  const operands = random.chance(0.6) ? [f, g, bias] : [f, g];
  return finish(random, style, `matmul ${m}×${k}×${n}`, step(1, 0, [m, n], [k], operands));
}

function convolution(random: Random, style: Style): Case {
  const [h, w] = [random.int(2, 6), random.int(2, 6)] as const;
  const [kh, kw] = [random.int(1, 3), random.int(1, 3)] as const;
  const groups = random.int(1, 2);
  const [ci, co] = [random.int(1, 9), random.int(1, 3)] as const;
  const stride = random.int(1, 2);
  const dilation = random.int(1, 2);
  const pad = random.int(0, 2);
  const size = (extent: number, kernel: number) => Math.max(1, Math.floor((extent + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1);
  const channels = groups * ci;
  const windows: Window[] = [
    { outDim: 0, reduceDim: 0, stride, dilation, pad, size: h },
    { outDim: 1, reduceDim: 1, stride, dilation, pad, size: w },
  ];
  const row = w * channels;
  const f = operand(0, h * row, {
    offset: -pad * row - pad * channels,
    outStrides: [stride * row, stride * channels, ci, 0],
    reduceStrides: [dilation * row, dilation * channels, 1],
    windows,
    stages: [],
  });
  const g = operand(0, groups * co * kh * kw * ci, {
    offset: 0,
    outStrides: [0, 0, co * kh * kw * ci, kh * kw * ci],
    reduceStrides: [kw * ci, ci, 1],
    windows: [],
    stages: [],
  });
  const bias = operand(1, groups * co, { offset: 0, outStrides: [0, 0, co, 1], reduceStrides: [], windows: [], stages: [] });
  return finish(random, style, `conv ${kh}×${kw}×${ci} groups ${groups}`, step(1, 0, [size(h, kh), size(w, kw), groups, co], [kh, kw, ci], [f, g, bias]));
}

function strided(random: Random, style: Style): Case {
  const shape = dims(random, 3, 4);
  const reduce = dims(random, 3, 5);
  const operands = [affine(random, 0, shape, reduce), affine(random, 0, shape, reduce)];
  for (let i = random.int(0, 2); i > 0; i--) operands.push(affine(random, 1, shape, reduce));
  return finish(random, style, "strided contraction", step(1, 0, shape, reduce, operands));
}

function map(random: Random, style: Style): Case {
  const shape = dims(random, 3, 5);
  const operands = Array.from({ length: random.int(1, 3) }, () => affine(random, 2, shape, []));
  const made = step(2, 0, shape, [], operands);
  if (random.chance(0.9)) made.expression = randomExpression(random, operands.length);
  return finish(random, style, "map", made, false);
}

function pool(random: Random, style: Style): Case {
  const shape = dims(random, 3, 4);
  const reduce = dims(random, 2, 4);
  const made = step(3, random.int(1, 2), shape, reduce, [affine(random, 0, shape, reduce)]);
  if (random.chance(0.3)) made.result.dtype = (made.operands[0] as Operand).dtype = random.pick(integerTypes);
  return finish(random, style, "pool", made);
}

export function finish(random: Random, style: Style, label: string, made: Step, epilogue = true): Case {
  const { shape } = made.result;
  if (epilogue && random.chance(0.3)) {
    for (let i = random.int(0, 2); i > 0; i--) made.operands.push(affine(random, 2, shape, made.reduce));
    made.expression = randomExpression(random, made.operands.filter(({ role }) => role === 2).length + 1);
  }
  if (random.chance(0.3)) halve(random, made);
  const elements = shape.reduce((a, b) => a * b, 1);
  return {
    label: `${label}, ${style}`,
    step: made,
    operands: made.operands.map(({ elements: count, dtype }) => randomElements(random, count, dtype, random.chance(0.8) ? style : random.pick(styles))),
    element: random.int(0, elements - 1),
  };
}

/** Makes half floats of what a step reads, or of its result, or of both. */
function halve(random: Random, made: Step): void {
  const dtype = random.pick(halfTypes);
  const reads = random.chance(0.9);
  made.profile = 2;
  for (const operand of made.operands) if (operand.dtype === 1 && reads && (operand.role === 0 || made.kind !== 1 || random.chance(0.7))) operand.dtype = dtype;
  if (made.kind === 6 && made.attributes.length > 0) made.attributes = Uint8Array.from({ length: dtypeBytes[(made.operands[0] as Operand).dtype] }, () => random.int(0, 255));
  if (made.result.dtype === 1 && random.chance(0.7)) made.result.dtype = dtype;
  if (made.expression.length > 0 && random.chance(0.6)) made.expression = Uint8Array.from([...made.expression, 0x5a, dtype]);
  if (made.expression.length === 0 && made.kind < 4 && made.op < 6 && random.chance(0.5)) made.expression = Uint8Array.from([0x01, 0, 0x5a, dtype]);
}

/** A random index map that stays inside its tensor, with windows and stages now and then. */
export function affine(random: Random, role: Role, shape: readonly number[], reduce: readonly number[]): Operand {
  const outStrides = shape.map(() => random.int(-2, 6));
  const reduceStrides = role === 0 ? reduce.map((_, k) => (k === reduce.length - 1 && random.chance(0.5) ? 1 : random.int(-2, 6))) : [];
  let least = 0;
  let greatest = 0;
  const reach = (strides: readonly number[], sizes: readonly number[]) => {
    strides.forEach((stride, k) => {
      const end = stride * ((sizes[k] as number) - 1);
      if (end < 0) least += end;
      else greatest += end;
    });
  };
  reach(outStrides, shape);
  reach(reduceStrides, reduce);
  const slack = random.chance(0.1) ? 600 : random.int(0, 3);
  const access: Access = { offset: slack - least, outStrides, reduceStrides, windows: [], stages: [] };
  let elements = greatest - least + slack + 1;
  if (random.chance(0.3)) {
    const columns = random.int(1, 5);
    const rows = Math.ceil(elements / columns);
    access.stages.push({ offset: 1, shape: [rows, columns], strides: [1, rows] });
    elements = rows * columns + 1;
    // Backwards through what the first stage leads to.
    if (random.chance(0.3)) access.stages.push({ offset: elements - 1, shape: [elements], strides: [-1] });
  }
  if (role === 0 && random.chance(0.4)) {
    access.windows.push({
      outDim: random.chance(0.2) || shape.length === 0 ? 255 : random.int(0, shape.length - 1),
      reduceDim: random.chance(0.2) || reduce.length === 0 ? 255 : random.int(0, reduce.length - 1),
      stride: random.int(-2, 3),
      dilation: random.int(-2, 2),
      pad: random.int(-2, 2),
      size: random.int(1, 6),
    });
  }
  // One in fifty maps leads outside: both judges must refuse alike.
  return operand(role, random.chance(0.02) ? Math.max(1, elements - 2) : elements, access);
}

const floatUnary = [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x30, 0x40, 0x41, 0x42, 0x43, 0x44, 0x4c, 0x52, 0x53, 0x58, 0x5a] as const;
const exactUnary = [0x20, 0x21, 0x30, 0x44, 0x4c, 0x59] as const;
const comparisons = [0x48, 0x49, 0x4a, 0x4d, 0x4e, 0x4f] as const;

/** An int64 constant, mostly small. */
function integerBytes(random: Random): number[] {
  const value = random.chance(0.7) ? BigInt(random.int(-200, 200)) : (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  return Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(56 - 8 * i)) & 0xffn));
}

/** Valid postfix bytecode over the slots; `exact` with instructions of the integer domain only. */
export function randomExpression(random: Random, slots: number, exact = false): Uint8Array {
  const code: number[] = [];
  let depth = 0;
  for (let i = random.int(1, 9); i > 0 || depth !== 1; i--) {
    const choice = depth === 0 ? 0 : depth === 1 ? random.int(0, 1) : i > 0 ? random.int(0, depth > 2 ? 3 : 2) : 2;
    if (choice === 0) {
      if (random.chance(0.7)) code.push(0x01, random.int(0, slots - 1));
      else if (random.chance(0.3)) code.push(0x03, ...integerBytes(random));
      else if (exact) code.push(0x03, ...integerBytes(random));
      else {
        const bits = randomBits(random, random.pick(styles));
        code.push(0x02, bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255);
      }
      depth++;
    } else if (choice === 1) {
      const opcode = random.pick(exact ? exactUnary : floatUnary);
      code.push(opcode);
      if (opcode === 0x58) code.push(random.pick([0x33, 0x3f, 0x7f]), 0x80, 0, 0);
      if (opcode === 0x5a) code.push(random.pick(halfTypes));
      if (opcode === 0x59) code.push(random.pick(integerTypes));
    } else if (choice === 2) {
      code.push(random.chance(0.7) ? random.int(0x10, 0x15) : random.pick(exact ? comparisons : [...comparisons, 0x51]));
      depth--;
    } else {
      code.push(0x50);
      depth -= 2;
    }
  }
  return Uint8Array.from(code);
}

export function dims(random: Random, rank: number, size: number): number[] {
  return Array.from({ length: random.int(0, rank) }, () => random.int(1, size));
}

function operand(role: Role, elements: number, access: Access): Operand {
  return { role, dtype: 1, source: 2, index: 0, root: zeroHash, elements, access };
}

export function step(kind: Step["kind"], op: number, shape: number[], reduce: number[], operands: Operand[]): Step {
  return {
    version: 1, kind, op, profile: 1, blockIndex: 0,
    result: { dtype: 1, source: 2, index: 0, shape },
    reduce, operands, expression: new Uint8Array(), attributes: new Uint8Array(),
  };
}
