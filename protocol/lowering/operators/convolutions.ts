import { intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import type { Window } from "../../program/types.ts";
import { Refusal, type Coordinate, type DraftDim, type View } from "../draft.ts";
import type { Lowering } from "../lowering.ts";
import { addTerm, contraction, coordinates, type Product } from "./contractions.ts";
import { beginPads, neverLeaves } from "./windows.ts";

/** Conv over any number of spatial axes, with groups, strides, dilations and padding. */
export function lowerConv(node: NodeProto, lowering: Lowering): void {
  const product = convolution(node, lowering, lowering.floatView(node.input[0]!), lowering.floatView(node.input[1]!));
  // Kernels may multiply the padding by the weights, and 0·∞ is NaN; the judge leaves those taps out.
  if (product.factors[0]!.windows.length > 0 && !isFinite(lowering.floats(node, 1))) throw new Refusal("it pads, and its weights are not known to be finite; they must be finite constants");
  const step = contraction(node, product);
  if (lowering.has(node, 2)) addTerm(step, channelBias(lowering.floatView(node.input[2]!), product.shape));
  lowering.defineStep(step);
}

/** One number for each channel, the second axis, of a shape. */
export function channelBias(view: View, shape: number[]): View {
  return { ...view, map: { ...view.map, shape, strides: shape.map((_, k) => (k === 1 ? view.map.strides[0]! : 0)) } };
}

/** The product of an image and its filters, laid out as Conv pairs them. */
export function convolution(node: NodeProto, lowering: Lowering, x: View, w: View): Product {
  const shape = lowering.shapeOf(node.output[0]!);
  const spatial = shape.length - 2;
  if (spatial < 1) throw new Refusal("it has no spatial axis");
  const kernel = w.map.shape.slice(2);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const groups = intAttribute(node, "group", 1);
  const pads = beginPads(node, x.map.shape.slice(2), shape.slice(2), kernel, strides, dilations);
  const perGroup = w.map.shape[1]!;
  const filters = shape[1]! / groups;
  const split = groups > 1 && filters > 1;
  const dims: DraftDim[] = [
    { axis: 0, size: shape[0]! },
    ...(split ? [{ axis: 1, size: groups }, { axis: 1, size: filters }] : [{ axis: 1, size: shape[1]! }]),
    ...kernel.map((_, k) => ({ axis: 2 + k, size: shape[2 + k]! })),
  ];
  const first = split ? 3 : 2;
  const at = coordinates(dims.length, spatial + 1);
  const channel = at.reduce(spatial);
  if (groups > 1) channel.out[1] = perGroup;
  const filter = split ? at.out(2) : at.out(1);
  if (split) filter.out[1] = filters;
  const windows: Window[] = [];
  const positions = kernel.map((taps, k): Coordinate => {
    const window: Window = { outDim: first + k, reduceDim: k, stride: strides[k]!, dilation: dilations[k]!, pad: pads[k]!, size: x.map.shape[2 + k]! };
    if (!neverLeaves(window, shape[2 + k]!, taps)) windows.push(window);
    const position = at.out(first + k);
    position.out[first + k] = window.stride;
    position.reduce[k] = window.dilation;
    position.offset = -window.pad;
    return position;
  });
  const spatialAxes = kernel.map((_, k) => 2 + k);
  const lastTaps = kernel[spatial - 1]!;
  const channelsLast = (groups === 1 ? perGroup * lastTaps : perGroup) > lastTaps;
  return {
    shape,
    dims,
    reduce: [...kernel, perGroup],
    factors: [
      {
        view: x,
        coordinates: [at.out(0), channel, ...positions],
        windows,
        wanted: { order: channelsLast ? [0, ...spatialAxes, 1] : [0, 1, ...spatialAxes], priority: 3 },
      },
      { view: w, coordinates: [filter, at.reduce(spatial), ...kernel.map((_, k) => at.reduce(k))], windows: [], wanted: { order: [0, ...spatialAxes, 1], priority: 3 } },
    ],
  };
}

function isFinite(values: Float32Array | undefined): boolean {
  return values?.every((value) => Number.isFinite(value)) ?? false;
}
