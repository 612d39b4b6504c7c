import { int, ints, Net, real, text } from "./Net.ts";
import type { Family } from "./families.ts";

const conv = (net: Net, x: string, from: number, to: number, kernel = 3, stride = 1, group = 1): string =>
  net.op("Conv", [x, net.weight([to, from / group, kernel, kernel]), net.between([to], -0.1, 0.1)], {
    kernel_shape: ints(kernel, kernel), strides: ints(stride, stride), pads: ints(...Array.from({ length: 4 }, () => kernel >> 1)), group: int(group),
  });

const norm = (net: Net, x: string, channels: number): string =>
  net.op("BatchNormalization", [x, net.between([channels], 0.5, 1.5), net.between([channels], -0.2, 0.2), net.between([channels], -0.2, 0.2), net.between([channels], 0.5, 1.5)], { epsilon: real(1e-5) });

const hardSwish = (net: Net, x: string): string => net.op("Mul", [x, net.op("HardSigmoid", [x], { alpha: real(1 / 6), beta: real(0.5) })]);

/** Inverted residuals with squeeze and excitation, as MobileNet v3 is exported. */
function mobileNet(): Uint8Array {
  const net = new Net(13);
  let x = hardSwish(net, norm(net, conv(net, net.input("image", ["batch", 3, 96, 96]), 3, 16, 3, 2), 16));
  for (const [from, wide, to, stride] of [[16, 64, 24, 2], [24, 96, 24, 1], [24, 120, 40, 2]] as const) {
    const expanded = hardSwish(net, norm(net, conv(net, x, from, wide, 1), wide));
    const mixed = norm(net, conv(net, expanded, wide, wide, 5, stride, wide), wide);
    const squeezed = net.op("Relu", [conv(net, net.op("GlobalAveragePool", [mixed]), wide, wide / 4, 1)]);
    const excited = net.op("HardSigmoid", [conv(net, squeezed, wide / 4, wide, 1)], { alpha: real(1 / 6), beta: real(0.5) });
    const narrow = norm(net, conv(net, net.op("Mul", [mixed, excited]), wide, to, 1), to);
    x = from === to && stride === 1 ? net.op("Add", [x, narrow]) : narrow;
  }
  const flat = net.op("Flatten", [net.op("GlobalAveragePool", [hardSwish(net, norm(net, conv(net, x, 40, 240, 1), 240))])]);
  net.output(net.op("Softmax", [net.op("Gemm", [flat, net.weight([100, 240]), net.between([100], -1, 1)], { transB: int(1) })], { axis: int(-1) }));
  return net.serialize();
}

/** Pre-activation blocks, whose batch norms stand alone, joined as DenseNet does; opset 9. */
function denseNet(): Uint8Array {
  const net = new Net(9);
  let x = net.op("MaxPool", [net.op("Relu", [norm(net, conv(net, net.input("image", [1, 3, 64, 64]), 3, 32, 7, 2), 32)])], { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) });
  let width = 32;
  for (let layer = 0; layer < 4; layer++, width += 16) {
    const narrow = conv(net, net.op("Relu", [norm(net, x, width)]), width, 64, 1);
    x = net.op("Concat", [x, conv(net, net.op("Relu", [norm(net, narrow, 64)]), 64, 16)], { axis: int(1) });
  }
  const pooled = net.op("AveragePool", [net.op("Relu", [norm(net, x, width)])], { kernel_shape: ints(2, 2), strides: ints(2, 2) });
  net.output(net.op("Reshape", [net.op("GlobalAveragePool", [pooled]), net.integers([1, -1])]));
  return net.serialize();
}

/** A residual network quantised by nodes of its own (QDQ), weights by channel, as PyTorch and TensorFlow export int8. */
function quantised(): Uint8Array {
  const net = new Net(13);
  const around = (x: string, scale: number, zero = 0, dtype: 2 | 3 = 3): string => {
    const parameters = [net.number(scale), net.bytes8(dtype, [], zero, zero)];
    return net.op("DequantizeLinear", [net.op("QuantizeLinear", [x, ...parameters]), ...parameters]);
  };
  const layer = (x: string, from: number, to: number, stride = 1, group = 1): string => {
    const scales = net.between([to], 0.002, 0.01);
    const weights = net.op("DequantizeLinear", [net.bytes8(3, [to, from / group, 3, 3], -100, 100), scales, net.bytes8(3, [to], 0, 0)], { axis: int(0) });
    return net.op("Conv", [x, weights, net.between([to], -0.5, 0.5)], { kernel_shape: ints(3, 3), strides: ints(stride, stride), pads: ints(1, 1, 1, 1), group: int(group) });
  };
  let x = around(net.input("image", [1, 3, 48, 48]), 0.02, 3);
  x = around(net.op("Relu", [layer(x, 3, 32, 2)]), 0.05, -128);
  for (let block = 0; block < 2; block++) {
    const inner = around(net.op("Relu", [layer(x, 32, 32)]), 0.05, -128);
    x = around(net.op("Relu", [net.op("Add", [around(layer(inner, 32, 32), 0.05), x])]), 0.06, -128);
  }
  const pooled = around(net.op("GlobalAveragePool", [x]), 0.04, -128);
  const weights = net.op("DequantizeLinear", [net.bytes8(3, [10, 32], -100, 100), net.number(0.01), net.bytes8(3, [], 0, 0)]);
  net.output(around(net.op("Gemm", [net.op("Flatten", [pooled]), weights, net.between([10], -1, 1)], { transB: int(1) }), 0.1));
  return net.serialize();
}

/** A detector: strides 8 and 16, a pyramid with Resize, and a decoded head with the best class, as YOLO is exported. */
function detector(): Uint8Array {
  const net = new Net(12);
  const swish = (x: string): string => net.op("Mul", [x, net.op("Sigmoid", [x])]);
  const image = net.input("image", [1, 3, 128, 128]);
  const [even, odd] = [0, 1].map((row) => net.op("Slice", [image, net.integers([row]), net.integers([2 ** 31 - 1]), net.integers([2]), net.integers([2])])) as [string, string];
  const columns = [even, odd].flatMap((part) => [0, 1].map((column) => net.op("Slice", [part, net.integers([column]), net.integers([2 ** 31 - 1]), net.integers([3]), net.integers([2])])));
  const c2 = swish(conv(net, swish(conv(net, net.op("Concat", columns, { axis: int(1) }), 12, 32)), 32, 48, 3, 2));
  const c3 = swish(conv(net, c2, 48, 64, 3, 2));
  const c4 = swish(conv(net, c3, 64, 96, 3, 2));
  const pools = [5, 9].map((k) => net.op("MaxPool", [c4], { kernel_shape: ints(k, k), strides: ints(1, 1), pads: ints(k >> 1, k >> 1, k >> 1, k >> 1) }));
  const top = swish(conv(net, net.op("Concat", [c4, ...pools], { axis: int(1) }), 288, 64, 1));
  const up = net.op("Resize", [top, net.floats([0], () => 0), net.floats([4], (k) => (k < 2 ? 1 : 2))], { mode: text("nearest"), coordinate_transformation_mode: text("asymmetric"), nearest_mode: text("floor") });
  const merged = swish(conv(net, net.op("Concat", [up, c3], { axis: int(1) }), 128, 64));
  const classes = 20;
  const heads = [[merged, 16], [top, 8]].map(([feature, cells]) => {
    const raw = conv(net, feature as string, 64, 3 * (5 + classes), 1);
    const apart = net.op("Transpose", [net.op("Reshape", [raw, net.integers([1, 3, 5 + classes, cells as number, cells as number])])], { perm: ints(0, 1, 3, 4, 2) });
    const squashed = net.op("Sigmoid", [apart]);
    const [centre, extent, scores] = net.ops("Split", [squashed], { axis: int(-1), split: ints(2, 2, 1 + classes) }, 3) as [string, string, string];
    const grid = net.floats([1, 1, cells as number, cells as number, 2], (at) => (at % 2 === 0 ? (at >> 1) % (cells as number) : Math.floor((at >> 1) / (cells as number))));
    const xy = net.op("Mul", [net.op("Add", [net.op("Sub", [net.op("Mul", [centre, net.number(2)]), net.number(0.5)]), grid]), net.number(128 / (cells as number))]);
    const wh = net.op("Mul", [net.op("Pow", [net.op("Mul", [extent, net.number(2)]), net.number(2)]), net.between([1, 3, 1, 1, 2], 8, 64)]);
    return net.op("Reshape", [net.op("Concat", [xy, wh, scores], { axis: int(-1) }), net.integers([1, -1, 5 + classes])]);
  });
  const all = net.op("Concat", heads, { axis: int(1) });
  net.output(all);
  const confidence = net.op("ReduceMax", [net.op("Slice", [all, net.integers([5]), net.integers([2 ** 31 - 1]), net.integers([2])])], { axes: ints(2), keepdims: int(0) });
  const [values, places] = net.ops("TopK", [confidence, net.integers([20])], { axis: int(1) }, 2) as [string, string];
  net.output(values);
  net.output(places, 7);
  return net.serialize();
}

/** Sub-pixel super-resolution, and its bilinear shortcut. */
function superResolution(): Uint8Array {
  const net = new Net(11);
  const image = net.input("image", [1, 1, 40, 40]);
  let x = net.op("PRelu", [conv(net, image, 1, 56, 5), net.between([56, 1, 1], 0.05, 0.3)]);
  x = net.op("PRelu", [conv(net, x, 56, 12, 1), net.between([12, 1, 1], 0.05, 0.3)]);
  for (let k = 0; k < 2; k++) x = net.op("LeakyRelu", [conv(net, x, 12, 12)], { alpha: real(0.2) });
  const fine = net.op("DepthToSpace", [conv(net, net.op("Elu", [conv(net, x, 12, 32, 1)]), 32, 9)], { blocksize: int(3), mode: text("CRD") });
  const coarse = net.op("Resize", [image, net.floats([0], () => 0), net.floats([4], (k) => (k < 2 ? 1 : 3))], { mode: text("linear"), coordinate_transformation_mode: text("pytorch_half_pixel") });
  net.output(net.op("Clip", [net.op("Add", [fine, coarse]), net.number(0), net.number(1)]));
  return net.serialize();
}

/** Reflection padding, instance norm and transposed convolutions: style transfer, and the decoders of generators. */
function styleTransfer(): Uint8Array {
  const net = new Net(17);
  const layer = (x: string, from: number, to: number, kernel: number, stride: number): string => {
    const padded = net.op("Pad", [x, net.integers([0, 0, kernel >> 1, kernel >> 1, 0, 0, kernel >> 1, kernel >> 1])], { mode: text("reflect") });
    const y = net.op("Conv", [padded, net.weight([to, from, kernel, kernel])], { kernel_shape: ints(kernel, kernel), strides: ints(stride, stride) });
    return net.op("InstanceNormalization", [y, net.between([to], 0.5, 1.5), net.between([to], -0.3, 0.3)]);
  };
  let x = net.op("Relu", [layer(net.input("image", [1, 3, 32, 32]), 3, 16, 9, 1)]);
  x = net.op("Relu", [layer(x, 16, 32, 3, 2)]);
  x = net.op("Add", [x, layer(net.op("Relu", [layer(x, 32, 32, 3, 1)]), 32, 32, 3, 1)]);
  x = net.op("ConvTranspose", [x, net.weight([32, 16, 4, 4], 128), net.between([16], -0.1, 0.1)], { kernel_shape: ints(4, 4), strides: ints(2, 2), pads: ints(1, 1, 1, 1) });
  const group = net.op("Reshape", [net.op("InstanceNormalization", [net.op("Reshape", [x, net.integers([0, 4, -1])]), net.floats([4], () => 1), net.floats([4], () => 0)]), net.op("Shape", [x])]);
  net.output(net.op("Tanh", [conv(net, net.op("Relu", [norm(net, group, 16)]), 16, 3)]));
  return net.serialize();
}

/** Spatial transformer: an affine grid that is computed, and sampled. */
function spatialTransformer(): Uint8Array {
  const net = new Net(20);
  const image = net.input("image", [2, 3, 28, 28]);
  const features = net.op("MaxPool", [net.op("Relu", [conv(net, image, 3, 8, 5, 2)])], { kernel_shape: ints(2, 2), strides: ints(2, 2) });
  const theta = net.op("Gemm", [net.op("Flatten", [features]), net.weight([6, 8 * 49], 8 * 49 * 20), net.floats([6], (k) => (k % 4 === 0 ? 1 : 0))], { transB: int(1) });
  const grid = net.op("AffineGrid", [net.op("Reshape", [theta, net.integers([2, 2, 3])]), net.integers([2, 3, 28, 28])]);
  net.output(net.op("GridSample", [image, grid], { mode: text("linear"), padding_mode: text("zeros") }));
  return net.serialize();
}

export const imageFamilies: readonly Family[] = [
  { name: "MobileNet v3 (hard swish, squeeze-excite)", build: mobileNet, shapes: { image: [1, 3, 96, 96] } },
  { name: "DenseNet (batch norms alone, opset 9)", build: denseNet },
  { name: "QDQ int8 residual network", build: quantised, near: 0.02 },
  { name: "YOLO detector (Resize, Sigmoid, TopK)", build: detector },
  { name: "super-resolution (DepthToSpace, PRelu, Elu)", build: superResolution },
  { name: "style transfer (InstanceNorm, ConvTranspose)", build: styleTransfer },
  { name: "spatial transformer (AffineGrid, GridSample)", build: spatialTransformer },
];
