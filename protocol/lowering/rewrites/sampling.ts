import { floatAttribute, intAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { joined } from "./rearrangements.ts";

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** AffineGrid: the constant grid of places, turned and shifted by the matrices. */
export function rewriteAffineGrid(graph: GraphBuilder): boolean {
  const size = graph.constant(1);
  if (size === undefined) throw new Refusal("its size is computed at run time");
  const [batch, spatial] = [size[0]!, size.slice(2)];
  const aligned = intAttribute(graph.node, "align_corners", 0) !== 0;
  const at = (place: number, length: number): number => (aligned ? (length === 1 ? 0 : (2 * place) / (length - 1) - 1) : (2 * place + 1) / length - 1);
  const points = product(spatial);
  // The last axis comes first, then a one for the shift.
  const grid = Array.from({ length: points }, (_, p) => [...spatial.map((length, k) => at(Math.floor(p / product(spatial.slice(k + 1))) % length, length)).reverse(), 1]);
  const moved = graph.add("MatMul", [graph.floats([points, spatial.length + 1], grid.flat()), graph.transpose(graph.input(0), [0, 2, 1])]);
  graph.result(0, "Reshape", [moved, graph.integers([batch, ...spatial, spatial.length])]);
  return true;
}

/** What an axis contributes: the places that are looked up, int64, and the weight of each; both of the shape of the coordinates. */
interface Tap {
  place: string;
  weight?: string;
  /** Whether the place is within the image. */
  inside?: string;
}

/** GridSample: one lookup at all computed places, and one product with the weights of their nearness. */
export function rewriteGridSample(graph: GraphBuilder): boolean {
  const [image, grid] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(1))];
  const spatial = image.slice(2);
  const mode = ({ bilinear: "linear", bicubic: "cubic" } as Record<string, string>)[stringAttribute(graph.node, "mode", "linear")] ?? stringAttribute(graph.node, "mode", "linear");
  const padding = stringAttribute(graph.node, "padding_mode", "zeros");
  if (graph.typeOf(graph.input(0)).dtype !== dtypes.float32 || !["linear", "cubic", "nearest"].includes(mode) || !["zeros", "border", "reflection"].includes(padding)) throw new Refusal("its mode or padding is unknown, or its elements are not float32");
  if (graph.opset < 11) throw new Refusal("it needs opset 11 or newer");
  const of = new Sampler(graph, padding, intAttribute(graph.node, "align_corners", 0) !== 0);
  const [batch, channels] = image as [number, number];
  const points = product(grid.slice(1, -1));
  const coordinates = graph.reshape(graph.input(1), [batch, points, spatial.length]);
  const taps = spatial.map((length, k) => {
    const coordinate = of.unnormalised(graph.slice(coordinates, 2, spatial.length - 1 - k, 1), length);
    return mode === "nearest" ? of.nearest(coordinate, length) : mode === "linear" ? of.linear(coordinate, length) : of.cubic(coordinate, length);
  });
  const pixels = batch * product(spatial);
  const image2d = graph.reshape(graph.transpose(graph.input(0), [0, ...spatial.map((_, k) => k + 2), 1]), [pixels, channels]);
  // What lies outside is looked up in a row of zeros, so that no infinity of the border is multiplied by zero.
  const rows = padding === "zeros" ? graph.concat([image2d, graph.floats([1, channels], new Float32Array(channels))], 0) : image2d;
  const first = graph.integers(Array.from({ length: batch }, (_, n) => n * product(spatial)), [batch, 1, 1]);
  const chosen = combinations(taps);
  const places = chosen.map((each) => {
    const linear = each.map(({ place }, k) => (product(spatial.slice(k + 1)) === 1 ? place : graph.add("Mul", [place, graph.integers([product(spatial.slice(k + 1))], [])])));
    const index = [...linear, ...(batch > 1 ? [first] : [])].reduce((sum, part) => graph.add("Add", [sum, part]));
    const insides = each.flatMap(({ inside }) => inside ?? []);
    return insides.length === 0 ? index : graph.add("Where", [insides.reduce((all, inside) => graph.add("And", [all, inside])), index, graph.integers([pixels], [])]);
  });
  const lookup = graph.add("Gather", [rows, graph.concat(joined(graph, places, 2), 2)], { axis: { int: 0 } });
  let sampled = lookup;
  if (chosen[0]![0]!.weight !== undefined) {
    const weights = chosen.map((each) => each.map(({ weight }) => weight!).reduce((all, weight) => graph.add("Mul", [all, weight])));
    sampled = graph.add("MatMul", [graph.reshape(graph.concat(joined(graph, weights, 2), 2), [batch, points, 1, chosen.length]), lookup]);
  }
  const result = graph.transpose(graph.reshape(sampled, [batch, ...grid.slice(1, -1), channels]), [0, grid.length - 1, ...grid.slice(1, -1).map((_, k) => k + 1)]);
  graph.result(0, "Identity", [result]);
  return true;
}

/** One tap of each axis, in all ways. */
function combinations(taps: readonly (readonly Tap[])[]): Tap[][] {
  return taps.reduce<Tap[][]>((all, own) => all.flatMap((chosen) => own.map((tap) => [...chosen, tap])), [[]]);
}

class Sampler {
  readonly #graph: GraphBuilder;
  readonly #padding: string;
  readonly #aligned: boolean;

  constructor(graph: GraphBuilder, padding: string, aligned: boolean) {
    this.#graph = graph;
    this.#padding = padding;
    this.#aligned = aligned;
  }

  /** From [−1, 1] to places of the image. */
  unnormalised(x: string, length: number): string {
    const moved = this.#call("Add", x, this.#number(1));
    const place = this.#aligned ? this.#call("Mul", moved, this.#number((length - 1) / 2)) : this.#call("Div", this.#call("Sub", this.#call("Mul", moved, this.#number(length)), this.#number(1)), this.#number(2));
    if (this.#padding === "border") return this.#call("Min", this.#call("Max", place, this.#number(0)), this.#number(length - 1));
    return this.#padding === "reflection" ? this.#reflected(place, length) : place;
  }

  nearest(x: string, length: number): Tap[] {
    return [this.#tap(this.#call("Round", x), length)];
  }

  linear(x: string, length: number): Tap[] {
    const low = this.#call("Floor", x);
    const high = this.#call("Add", low, this.#number(1));
    return [
      { ...this.#tap(low, length), weight: this.#call("Sub", high, x) },
      { ...this.#tap(high, length), weight: this.#call("Sub", x, low) },
    ];
  }

  /** Keys' kernel with a = −¾ around four places. */
  cubic(x: string, length: number): Tap[] {
    const a = floatAttribute(this.#graph.node, "cubic_coeff_a", -0.75);
    const low = this.#call("Floor", x);
    const t = this.#call("Sub", x, low);
    const inner = (d: string): string => this.#call("Add", this.#call("Mul", this.#call("Mul", this.#call("Sub", this.#call("Mul", d, this.#number(a + 2)), this.#number(a + 3)), d), d), this.#number(1));
    const outer = (d: string): string =>
      this.#call("Sub", this.#call("Mul", this.#call("Add", this.#call("Mul", this.#call("Sub", this.#call("Mul", d, this.#number(a)), this.#number(5 * a)), d), this.#number(8 * a)), d), this.#number(4 * a));
    const weights = [outer(this.#call("Add", t, this.#number(1))), inner(t), inner(this.#call("Sub", this.#number(1), t)), outer(this.#call("Sub", this.#number(2), t))];
    return weights.map((weight, k) => ({ ...this.#tap(k === 1 ? low : this.#call("Add", low, this.#number(k - 1)), length), weight }));
  }

  /** A whole number as a place of the image; what lies outside is looked up at the border, and counts as zero where the padding is zeros. */
  #tap(place: string, length: number): Tap {
    const inBounds = this.#padding === "reflection" ? this.#reflected(place, length) : place;
    const clipped = this.#call("Min", this.#call("Max", inBounds, this.#number(0)), this.#number(length - 1));
    const index = this.#graph.add("Cast", [clipped], { to: { int: dtypes.int64 } });
    return this.#padding === "zeros" ? { place: index, inside: this.#call("Equal", clipped, place) } : { place: index };
  }

  /** Thrown back from either border, as often as it takes: a triangle wave. */
  #reflected(x: string, length: number): string {
    const [low, span] = this.#aligned ? [0, length - 1] : [-0.5, length];
    if (span === 0) return this.#call("Mul", x, this.#number(0));
    const distance = this.#call("Abs", this.#call("Sub", x, this.#number(low)));
    const turns = this.#call("Floor", this.#call("Div", distance, this.#number(2 * span)));
    const rest = this.#call("Sub", distance, this.#call("Mul", turns, this.#number(2 * span)));
    return this.#call("Add", this.#call("Min", rest, this.#call("Sub", this.#number(2 * span), rest)), this.#number(low));
  }

  #call(opType: string, ...inputs: string[]): string {
    return this.#graph.add(opType, inputs);
  }

  #number(value: number): string {
    return this.#graph.scalar(value);
  }
}
