import { isInteger as isJudgedInteger, limitsOf } from "../judge/elementType.ts";
import { isFloat } from "../program/elements.ts";
import type { Dtype, Role, StepKind, Window } from "../program/types.ts";
import type { Expression } from "./expression.ts";
import type { IndexMap } from "./indexMap.ts";

/** A tensor that is committed: a model input, an initialiser, or the result of a drafted step. */
export type Base = { kind: "input"; index: number } | { kind: "weight"; name: string } | { kind: "step"; index: number };

/** A committed tensor seen through an index map, whose last number is a row-major index into `baseShape` in the graph's axis order. */
export interface View {
  base: Base;
  dtype: Dtype;
  baseShape: number[];
  map: IndexMap;
}

/** One coordinate of an operand: `offset + Σ out_k·o_k + Σ reduce_k·r_k`. */
export interface Coordinate {
  offset: number;
  out: number[];
  reduce: number[];
}

/** An operand of a core, in terms of the step's unpermuted dimensions. */
export interface DraftFactor {
  view: View;
  /** Factor unless said otherwise. */
  role?: Role;
  coordinates: Coordinate[];
  windows: Window[];
  /** Order of the view's axes, outermost first, in which reading would be contiguous. */
  wanted?: { order: number[]; priority: number };
}

/** A dimension of a result: an axis of the value, or a part of one; row-major over `dims` is row-major over the value. */
export interface DraftDim {
  axis: number;
  size: number;
}

/** The summing or reducing part of a step. */
export interface DraftCore {
  kind: StepKind;
  op: number;
  reduce: number[];
  factors: DraftFactor[];
  /** Views of the result's shape, added inside the exact sum. */
  addends: View[];
  /** Extras of the kind, as the descriptor carries them. */
  attributes?: Uint8Array;
  /** Of a gather: the axis of the second factor's view along which it looks up. */
  gatherAxis?: number;
}

/** A step in the making: values of the result's shape enter through the expression. */
export interface DraftStep {
  /** Name of the graph's value that it defines. */
  name: string;
  dtype: Dtype;
  /** Exact integers, or float32 intervals (docs/protocol.md §5). */
  domain: Domain;
  shape: number[];
  dims: DraftDim[];
  core?: DraftCore;
  expression: Expression<View>;
  /** The formula is a sum of half floats with this many terms besides its products, to which more may be added. */
  halfTerms?: number;
  nodes: string[];
}

/** How an expression is evaluated. */
export type Domain = "integer" | "float";

/** Element types that steps read and write. */
export function inScope(dtype: number): dtype is Dtype {
  return isFloat(dtype) || isInteger(dtype);
}

/** Whether an element type has exact integers, bool among them. */
export function isInteger(dtype: number): dtype is Dtype {
  return isJudgedInteger(dtype);
}

/** Smallest and largest number of an integer type. */
export function integerRange(dtype: Dtype): readonly [bigint, bigint] {
  return limitsOf(dtype);
}

/** Most operands of a step. */
export const MAX_OPERANDS = 8;

/** Longest sum for which the judge's error bound is proved (docs/protocol.md §5). */
export const MAX_TERMS = 2 ** 22;

/** A reason why a node cannot be lowered; collected, never shown alone. */
export class Refusal extends Error {}

/** The type of a value could not be found because of another node that was refused before; not worth a line of its own. */
export class UnknownType extends Refusal {}
