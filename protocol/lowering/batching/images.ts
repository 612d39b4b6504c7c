import { attribute, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { constantDims, jobInput } from "./arguments.ts";
import { NotBatchable, type Batcher } from "./batchGraph.ts";
import type { Dim, Dims } from "./dims.ts";

/** Kernels that do one image after the other, along the first axis; further inputs that differ from job to job have the shape of the output, as what is added to a convolution. */
export function perImage(node: NodeProto, batcher: Batcher): void {
  const { dims } = jobInput(node, 0, batcher);
  if (dims.length < 3 || node.output.length > 1) throw new NotBatchable();
  const result = imageDims(node, dims, batcher);
  node.input = node.input.map((name, i) => {
    const value = batcher.batched(name);
    if (value === undefined) {
      if (name !== "") batcher.constant(name);
      return name;
    }
    // The weights of a convolution, for one, are the same for all.
    if (i > 0 && i < 3) throw new NotBatchable();
    return batcher.in("merged", value);
  });
  batcher.emit(node, "merged", [result]);
}

/** Dimensions of the result, as far as they are easy to tell. */
function imageDims(node: NodeProto, [images, channels, ...places]: Dims, batcher: Batcher): Dims {
  const unknown = [images, ...[channels, ...places].map(() => undefined)];
  switch (node.opType) {
    case "Conv":
    case "FusedConv":
    case "ConvInteger": {
      const [filters, , ...kernel] = constantDims(node.input[1] ?? "", batcher);
      return [images, filters, ...windowDims(node, places, kernel)];
    }
    case "MaxPool":
    case "AveragePool":
      return [images, channels, ...windowDims(node, places, intsAttribute(node, "kernel_shape") ?? [])];
    case "GlobalMaxPool":
    case "GlobalAveragePool":
      return [images, channels, ...places.map(() => 1)];
    case "ReorderOutput": {
      const real = intAttribute(node, "channels", 0);
      return intAttribute(node, "channels_last", 0) === 0 ? [images, real, ...places] : [images, ...places, real];
    }
    default:
      return unknown;
  }
}

function windowDims(node: NodeProto, places: Dims, kernel: readonly number[]): Dims {
  const at = (name: string, axis: number, otherwise: number): number => intsAttribute(node, name)?.[axis] ?? otherwise;
  const padding = stringAttribute(node, "auto_pad", "NOTSET");
  return places.map((size, axis): Dim => {
    const [taps, stride, dilation] = [kernel[axis], at("strides", axis, 1), at("dilations", axis, 1)];
    if (size === undefined || taps === undefined) return undefined;
    if (padding.startsWith("SAME")) return Math.ceil(size / stride);
    const pads = padding === "VALID" || attribute(node, "pads") === undefined ? 0 : at("pads", axis, 0) + at("pads", axis + places.length, 0);
    const steps = (size + pads - (taps - 1) * dilation - 1) / stride;
    // What rounding up does beyond the padding is another matter.
    return intAttribute(node, "ceil_mode", 0) !== 0 && !Number.isInteger(steps) ? undefined : Math.floor(steps) + 1;
  });
}
