import { dtypeBytes, reductionOps, roles, stepKinds, NO_DIM, type Access, type Operand, type Step } from "../../protocol/program/types.ts";

/** A naive float64 reading of docs/protocol.md §2, for tests: elements of a step (all, or every `stride`-th) from the committed bytes of its operands. */
export function evaluateStep(step: Step, operands: readonly Uint8Array[], stride = 1): Float64Array {
  const tensors = step.operands.map((operand, k) => floatsOf(operand, operands[k]!));
  const count = Math.ceil(product(step.result.shape) / stride);
  const result = new Float64Array(count);
  const taps = allCoordinates(step.reduce);
  for (let element = 0; element < count; element++) {
    const o = coordinatesOf(element * stride, step.result.shape);
    const read = (k: number, r: readonly number[]): number | undefined => {
      const index = elementAt(step.operands[k]!.access, o, r);
      if (index === undefined) return undefined;
      if (index < 0 || index >= tensors[k]!.length) throw new Error(`operand ${k} reads element ${index} of ${tensors[k]!.length}`);
      return tensors[k]![index]!;
    };
    result[element] = evaluateElement(step, taps, read);
  }
  return result;
}

function evaluateElement(step: Step, taps: readonly number[][], read: (operand: number, r: readonly number[]) => number | undefined): number {
  const noTap = step.reduce.map(() => 0);
  const slots: number[] = [];
  if (step.kind === stepKinds.contraction) {
    let sum = 0;
    for (const r of taps) {
      const [a, b] = [read(0, r), read(1, r)];
      if (a !== undefined && b !== undefined) sum += a * b;
    }
    step.operands.forEach((operand, k) => (sum += operand.role === roles.addend ? read(k, noTap)! : 0));
    slots.push(sum);
  } else if (step.kind === stepKinds.reduction) {
    const present = taps.flatMap((r) => read(0, r) ?? []);
    slots.push(step.op === reductionOps.max ? present.reduce((x, y) => Math.max(x, y)) : present.reduce((x, y) => Math.min(x, y)));
  }
  step.operands.forEach((operand, k) => {
    if (operand.role === roles.value) slots.push(read(k, noTap)!);
  });
  return run(step.expression, slots);
}

function elementAt(access: Access, o: readonly number[], r: readonly number[]): number | undefined {
  for (const { outDim, reduceDim, stride, dilation, pad, size } of access.windows) {
    const place = (outDim === NO_DIM ? 0 : o[outDim]! * stride) + (reduceDim === NO_DIM ? 0 : r[reduceDim]! * dilation) - pad;
    if (place < 0 || place >= size) return undefined;
  }
  if (access.outStrides.length !== o.length || access.reduceStrides.length !== r.length) throw new Error("an access has the wrong number of strides");
  return accessIndex(access, o, r);
}

/** The committed element that an access names. */
export function accessIndex(access: Access, o: readonly number[], r: readonly number[] = []): number {
  let index = access.offset;
  o.forEach((value, k) => (index += value * access.outStrides[k]!));
  r.forEach((value, k) => (index += value * access.reduceStrides[k]!));
  for (const stage of access.stages) {
    let rest = index;
    index = stage.offset;
    for (let k = stage.shape.length - 1; k >= 0; k--) {
      index += (rest % stage.shape[k]!) * stage.strides[k]!;
      rest = Math.floor(rest / stage.shape[k]!);
    }
    if (rest !== 0) throw new Error("a linear index leaves its stage");
  }
  return index;
}

function run(code: Uint8Array, slots: readonly number[]): number {
  if (code.length === 0) return slots[0]!;
  const stack: number[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i]!;
    if (opcode === 0x01) stack.push(slots[code[++i]!]!);
    else if (opcode === 0x02) {
      stack.push(view.getFloat32(i + 1));
      i += 4;
    } else if (opcode < 0x20) {
      const b = stack.pop()!;
      const a = stack.pop()!;
      stack.push([a + b, a - b, a * b, a / b, Math.max(a, b), Math.min(a, b)][opcode - 0x10]!);
    } else {
      const x = stack.pop()!;
      stack.push(opcode === 0x30 ? Math.max(x, 0) : unary[opcode - 0x20]!(x));
    }
    if (stack.length > 16) throw new Error("the expression is too deep");
  }
  if (stack.length !== 1) throw new Error("the expression leaves more than one value");
  return stack[0]!;
}

const unary = [(x: number) => -x, Math.abs, Math.sqrt, Math.exp, Math.log, Math.tanh, erf, (x: number) => 1 / (1 + Math.exp(-x))];

/** Maclaurin series; beyond 5 the function is 1 to more than ten digits. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function coordinatesOf(index: number, shape: readonly number[]): number[] {
  let rest = index;
  const coordinates = shape.map(() => 0);
  for (let k = shape.length - 1; k >= 0; k--) {
    coordinates[k] = rest % shape[k]!;
    rest = Math.floor(rest / shape[k]!);
  }
  return coordinates;
}

/** All coordinates of a shape in row-major order. */
export function allCoordinates(shape: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const size of shape) all = all.flatMap((head) => Array.from({ length: size }, (_, k) => [...head, k]));
  return all;
}

function floatsOf(operand: Operand, bytes: Uint8Array): Float32Array {
  if (bytes.length !== operand.elements * dtypeBytes[operand.dtype]) throw new Error(`an operand has ${bytes.length} bytes for ${operand.elements} elements`);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
