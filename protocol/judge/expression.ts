import { isHalf } from "../program/elements.ts";
import { opcodes } from "./expressionCode.ts";
import { floatOf } from "./float32.ts";
import { roundedToHalf } from "./halfRounding.ts";
import * as interval from "./interval.ts";
import { flushed, point, type Interval } from "./interval.ts";
import * as logic from "./logic.ts";
import { pow } from "./power.ts";
import { rounded } from "./rounding.ts";
import { runExpression, type Domain } from "./runExpression.ts";
import * as scalar from "./scalar.ts";
import { cos, sin } from "./trigonometry.ts";

const ZERO: Interval = { lo: 0, hi: 0, nan: false };

const binary: Readonly<Record<number, (x: Interval, y: Interval) => Interval>> = {
  0x10: interval.add,
  0x11: interval.sub,
  0x12: interval.mul,
  0x13: interval.div,
  0x14: interval.max,
  0x15: interval.min,
  0x48: logic.less,
  0x49: logic.lessOrEqual,
  0x4a: logic.equal,
  0x4d: logic.and,
  0x4e: logic.or,
  0x4f: logic.xor,
  0x51: pow,
};

const unary: Readonly<Record<number, (x: Interval) => Interval>> = {
  0x20: interval.neg,
  0x21: interval.abs,
  0x22: interval.sqrt,
  0x23: scalar.exp,
  0x24: scalar.log,
  0x25: scalar.tanh,
  0x26: scalar.erf,
  0x27: scalar.sigmoid,
  0x30: (x) => interval.max(x, ZERO),
  0x40: (x) => rounded(x, "floor"),
  0x41: (x) => rounded(x, "ceil"),
  0x42: (x) => rounded(x, "even"),
  0x43: (x) => rounded(x, "truncate"),
  0x44: (x) => rounded(x, "sign"),
  0x4c: logic.not,
  0x52: sin,
  0x53: cos,
};

const floats: Domain<Interval> = {
  constant(opcode, bytes) {
    if (opcode === opcodes.float) return point(bytes.getUint32(0));
    return opcode === opcodes.integer ? interval.integer(bytes.getBigInt64(0)) : undefined;
  },
  apply(opcode, [x, y, z], immediate) {
    if (opcode === opcodes.round) return isHalf(immediate) ? flushed(roundedToHalf(x as Interval, immediate)) : undefined;
    if (opcode === opcodes.widen) return flushed(widen(x as Interval, immediate));
    if (opcode === opcodes.select) return flushed(logic.select(x as Interval, y as Interval, z as Interval));
    const result = y === undefined ? unary[opcode]?.(x as Interval) : binary[opcode]?.(x as Interval, y);
    return result === undefined ? undefined : flushed(result);
  },
};

/** The enclosure of the sound values of an expression over intervals: its float domain. */
export function evaluateExpression(code: Uint8Array, slots: readonly Interval[]): Interval {
  return runExpression(code, slots, floats);
}

/** An amount that is NaN or infinite leaves nothing out. */
function widen(x: Interval, bits: number): Interval {
  const amount = Math.abs(floatOf(bits));
  if (!(amount < Infinity)) return interval.all;
  return interval.isNone(x) ? x : interval.add(x, { lo: 0 - amount, hi: amount, nan: false });
}
