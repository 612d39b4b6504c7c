import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";

type Build = (of: Arithmetic, x: string) => string;

/** atan(t)/t − 1 as a polynomial in t² on [0, tan²(π/8)], interpolated at Chebyshev's nodes; relative error of atan below 10⁻¹⁰. */
const arcTangent = [-0.33333333279224536, 0.1999997724823343, -0.14284150629724737, 0.11071354571117087, -0.08624598214687533, 0.050479374309427685];

/** Beyond this, x² ± 1 is x² in float32, and squares come near to overflowing soon after. */
const FAR = 2 ** 40;

/** A function of one float32 tensor, written out with operators that the judge knows. */
export function written(build: Build): Rewrite {
  return (graph) => {
    const x = graph.input(0);
    if (graph.typeOf(x).dtype !== dtypes.float32) throw new Refusal("its elements are not float32");
    if (graph.opset < 9) throw new Refusal("it needs Where, which came with opset 9; convert the model to opset 9 or newer");
    graph.result(0, "Identity", [build(new Arithmetic(graph), x)]);
    return true;
  };
}

export const tangent: Build = (of, x) => of.div(of.call("Sin", x), of.call("Cos", x));

export const arctangent: Build = (of, x) => of.withSign(x, atan(of, of.abs(x)));

/** asin x = 2·atan(x / (1 + √(1 − x²))) */
export const arcsine: Build = (of, x) => {
  const a = of.abs(x);
  const cosine = of.call("Sqrt", of.mul(of.sub(of.number(1), a), of.add(a, of.number(1))));
  return of.withSign(x, of.mul(atan(of, of.div(a, of.add(cosine, of.number(1)))), of.number(2)));
};

/** acos x = 2·atan √((1 − x)/(1 + x)) for x ≥ 0, and π less that of −x below. */
export const arccosine: Build = (of, x) => {
  const a = of.abs(x);
  const half = atan(of, of.call("Sqrt", of.div(of.sub(of.number(1), a), of.add(a, of.number(1)))));
  const negative = of.less(x, of.number(0));
  const signed = of.mul(half, of.where(negative, of.number(-2), of.number(2)));
  return of.add(of.where(negative, of.number(Math.PI), of.number(0)), signed);
};

export const hyperbolicSine: Build = (of, x) => {
  const a = of.abs(x);
  const series = of.inSquare(a, [1, 1 / 6, 1 / 120, 1 / 5040, 1 / 362880]);
  const { rising, falling } = halves(of, a);
  return of.withSign(x, of.where(of.less(a, of.number(0.75)), of.mul(a, series), of.sub(rising, falling)));
};

export const hyperbolicCosine: Build = (of, x) => {
  const { rising, falling } = halves(of, of.abs(x));
  return of.add(rising, falling);
};

/** asinh x = ln(1 + (x + x²/(1 + √(x² + 1)))) for x ≥ 0 */
export const hyperbolicArcsine: Build = (of, x) => {
  const a = of.abs(x);
  const square = of.mul(a, a);
  const root = of.call("Sqrt", of.add(square, of.number(1)));
  return of.withSign(x, nearOrFar(of, a, log1p(of, of.add(a, of.div(square, of.add(root, of.number(1)))))));
};

/** acosh x = ln(1 + ((x − 1) + √((x − 1)(x + 1)))) */
export const hyperbolicArccosine: Build = (of, x) => {
  const less = of.sub(x, of.number(1));
  const root = of.call("Sqrt", of.mul(less, of.add(x, of.number(1))));
  return nearOrFar(of, x, log1p(of, of.add(less, root)));
};

/** atanh x = ½·ln(1 + 2x/(1 − x)) for x ≥ 0 */
export const hyperbolicArctangent: Build = (of, x) => {
  const a = of.abs(x);
  const ratio = of.div(of.mul(a, of.number(2)), of.sub(of.number(1), a));
  return of.withSign(x, of.mul(log1p(of, ratio), of.number(0.5)));
};

/** e^a/2 and e^−a/2, by way of e^(a/2) because e^a overflows before its half does. */
function halves(of: Arithmetic, a: string): { rising: string; falling: string } {
  const root = of.call("Exp", of.mul(a, of.number(0.5)));
  return { rising: of.mul(of.mul(root, of.number(0.5)), root), falling: of.div(of.div(of.number(0.5), root), root) };
}

/** atan of a number that is not negative, reduced to [−tan π/8, tan π/8]. */
function atan(of: Arithmetic, a: string): string {
  const [large, middle] = [of.less(of.number(Math.tan((3 * Math.PI) / 8)), a), of.less(of.number(Math.tan(Math.PI / 8)), a)];
  const above = of.where(large, of.number(-1), of.where(middle, of.sub(a, of.number(1)), a));
  const below = of.where(large, a, of.where(middle, of.add(a, of.number(1)), of.number(1)));
  const reduced = of.div(above, below);
  const base = of.where(large, of.number(Math.PI / 2), of.where(middle, of.number(Math.PI / 4), of.number(0)));
  return of.add(base, of.mul(reduced, of.inSquare(reduced, [1, ...arcTangent])));
}

/** ln(1 + s): near 0 by 2·artanh(s/(2 + s)), whose series converges fast. */
function log1p(of: Arithmetic, s: string): string {
  const w = of.div(s, of.add(s, of.number(2)));
  const series = of.mul(of.mul(w, of.number(2)), of.inSquare(w, [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11]));
  return of.where(of.less(s, of.number(0.5)), series, of.call("Log", of.add(s, of.number(1))));
}

/** ln(2x) where the formula's squares could overflow. */
function nearOrFar(of: Arithmetic, x: string, near: string): string {
  return of.where(of.less(of.number(FAR), x), of.add(of.call("Log", x), of.number(Math.LN2)), near);
}

/** Shorthands that write nodes. */
class Arithmetic {
  readonly #graph: GraphBuilder;
  readonly #numbers = new Map<number, string>();

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  number(value: number): string {
    const known = this.#numbers.get(value) ?? this.#graph.scalar(value);
    this.#numbers.set(value, known);
    return known;
  }

  call(opType: string, ...inputs: string[]): string {
    return this.#graph.add(opType, inputs);
  }

  add(a: string, b: string): string {
    return this.call("Add", a, b);
  }

  sub(a: string, b: string): string {
    return this.call("Sub", a, b);
  }

  mul(a: string, b: string): string {
    return this.call("Mul", a, b);
  }

  div(a: string, b: string): string {
    return this.call("Div", a, b);
  }

  abs(x: string): string {
    return this.call("Abs", x);
  }

  less(a: string, b: string): string {
    return this.call("Less", a, b);
  }

  where(condition: string, a: string, b: string): string {
    return this.call("Where", condition, a, b);
  }

  /** `magnitude` with the sign of x; used once, so that it can be part of the same step. */
  withSign(x: string, magnitude: string): string {
    return this.mul(magnitude, this.where(this.less(x, this.number(0)), this.number(-1), this.number(1)));
  }

  /** A polynomial in x² by Horner's scheme; the constant term comes first. x² is not named, or it would be committed. */
  inSquare(x: string, coefficients: readonly number[]): string {
    return coefficients.slice(0, -1).reduceRight((sum, coefficient) => this.add(this.mul(this.mul(sum, x), x), this.number(coefficient)), this.number(coefficients.at(-1)!));
  }
}
