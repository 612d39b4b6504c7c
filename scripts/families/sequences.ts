import { int, ints, Net, real, text } from "./Net.ts";
import type { Family } from "./families.ts";

const linear = (net: Net, x: string, from: number, to: number): string => net.op("Add", [net.op("MatMul", [x, net.weight([from, to], from)]), net.between([to], -0.1, 0.1)]);

/** Gelu as exporters write it before opset 20. */
const gelu = (net: Net, x: string): string => {
  const half = net.op("Add", [net.op("Erf", [net.op("Div", [x, net.number(Math.SQRT2)])]), net.number(1)]);
  return net.op("Mul", [net.op("Mul", [x, half]), net.number(0.5)]);
};

/** Layer norm as exporters write it before opset 17. */
const spelledNorm = (net: Net, x: string, width: number): string => {
  const centred = net.op("Sub", [x, net.op("ReduceMean", [x], { axes: ints(-1) })]);
  const variance = net.op("ReduceMean", [net.op("Pow", [centred, net.number(2)])], { axes: ints(-1) });
  const normal = net.op("Div", [centred, net.op("Sqrt", [net.op("Add", [variance, net.number(1e-12)])])]);
  return net.op("Add", [net.op("Mul", [normal, net.between([width], 0.5, 1.5)]), net.between([width], -0.1, 0.1)]);
};

/** Heads apart by the chain Shape → Gather → Concat → Reshape that tracing leaves. */
function heads(net: Net, x: string, count: number, width: number, perm: readonly number[]): string {
  const size = (axis: number): string => net.op("Unsqueeze", [net.op("Gather", [net.op("Shape", [x]), net.integers([axis], [])], { axis: int(0) }), net.integers([0])]);
  const shape = net.op("Concat", [size(0), size(1), net.integers([count]), net.integers([width / count])], { axis: int(0) });
  return net.op("Transpose", [net.op("Reshape", [x, shape])], { perm: ints(...perm) });
}

/** BERT: embeddings of int64 ids, a mask made of −∞-like numbers, attention, erf gelu, a pooled head. */
function bert(): Uint8Array {
  const net = new Net(14);
  const [width, count, vocabulary] = [256, 4, 500];
  const ids = net.input("input_ids", ["batch", "sequence"], 7);
  const mask = net.input("attention_mask", ["batch", "sequence"], 7);
  const types = net.input("token_type_ids", ["batch", "sequence"], 7);
  const length = net.op("Gather", [net.op("Shape", [ids]), net.integers([1], [])], { axis: int(0) });
  const places = net.op("Slice", [net.integers(Array.from({ length: 128 }, (_, k) => k), [1, 128]), net.integers([0]), net.op("Unsqueeze", [length, net.integers([0])]), net.integers([1])]);
  const words = net.op("Gather", [net.between([vocabulary, width], -1, 1), ids]);
  const sum = net.op("Add", [net.op("Add", [words, net.op("Gather", [net.between([2, width], -1, 1), types])]), net.op("Gather", [net.between([128, width], -1, 1), places])]);
  let x = spelledNorm(net, sum, width);
  const open = net.op("Unsqueeze", [mask, net.integers([1, 2])]);
  const bias = net.op("Mul", [net.op("Sub", [net.number(1), net.op("Cast", [open], { to: int(1) })]), net.number(-10000)]);
  for (let layer = 0; layer < 2; layer++) {
    const [q, k, v] = [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]].map((perm) => heads(net, linear(net, x, width, width), count, width, perm)) as [string, string, string];
    const scores = net.op("Add", [net.op("Div", [net.op("MatMul", [q, k]), net.number(Math.sqrt(width / count))]), bias]);
    const mixed = net.op("Transpose", [net.op("MatMul", [net.op("Softmax", [scores], { axis: int(-1) }), v])], { perm: ints(0, 2, 1, 3) });
    const flat = net.op("Reshape", [mixed, net.integers([0, 0, width])]);
    x = spelledNorm(net, net.op("Add", [linear(net, flat, width, width), x]), width);
    x = spelledNorm(net, net.op("Add", [linear(net, gelu(net, linear(net, x, width, 1024)), 1024, width), x]), width);
  }
  const first = net.op("Gather", [x, net.integers([0], [])], { axis: int(1) });
  net.output(net.op("Gemm", [net.op("Tanh", [linear(net, first, width, width)]), net.weight([3, width]), net.between([3], -0.1, 0.1)], { transB: int(1) }));
  return net.serialize();
}

/** A decoder in today's exports: RMSNormalization, RotaryEmbedding, grouped queries, Where(mask, −∞), SwiGLU; opset 23. */
function decoder(): Uint8Array {
  const net = new Net(23);
  const [width, count, groups, places] = [128, 8, 2, 16];
  const ids = net.input("ids", [1, places], 7);
  let x = net.op("Gather", [net.between([300, width], -1, 1), ids]);
  const angle = (at: number): number => (at >> 3) / 10000 ** ((at & 7) / 8);
  const [cosines, sines] = [net.floats([1, places, 8], (at) => Math.cos(angle(at))), net.floats([1, places, 8], (at) => Math.sin(angle(at)))];
  const causal = net.bool([places, places], (at) => at % places <= Math.floor(at / places));
  const norm = (y: string): string => net.op("RMSNormalization", [y, net.between([width], 0.5, 1.5)], { epsilon: real(1e-6) });
  const project = (y: string, from: number, to: number): string => net.op("MatMul", [y, net.weight([from, to], from)]);
  for (let layer = 0; layer < 2; layer++) {
    const y = norm(x);
    const apart = (name: string, n: number): string => net.op("Transpose", [net.op("Reshape", [name, net.integers([1, places, n, 16])])], { perm: ints(0, 2, 1, 3) });
    const q = net.op("RotaryEmbedding", [apart(project(y, width, width), count), cosines, sines]);
    const k = net.op("RotaryEmbedding", [apart(project(y, width, 16 * groups), groups), cosines, sines]);
    const wide = (name: string): string =>
      net.op("Reshape", [net.op("Expand", [net.op("Unsqueeze", [name, net.integers([2])]), net.integers([1, groups, count / groups, places, 16])]), net.integers([1, count, places, 16])]);
    const scores = net.op("Mul", [net.op("MatMul", [q, net.op("Transpose", [wide(k)], { perm: ints(0, 1, 3, 2) })]), net.number(0.25)]);
    const weights = net.op("Softmax", [net.op("Where", [causal, scores, net.number(-Infinity)])], { axis: int(-1) });
    const mixed = net.op("MatMul", [weights, wide(apart(project(y, width, 16 * groups), groups))]);
    x = net.op("Add", [x, project(net.op("Reshape", [net.op("Transpose", [mixed], { perm: ints(0, 2, 1, 3) }), net.integers([1, places, width])]), width, width)]);
    const z = norm(x);
    const gate = project(z, width, 352);
    x = net.op("Add", [x, project(net.op("Mul", [net.op("Mul", [gate, net.op("Sigmoid", [gate])]), project(z, width, 352)]), 352, width)]);
  }
  const logits = project(norm(x), width, 300);
  net.output(logits);
  net.output(net.op("ArgMax", [logits], { axis: int(-1), keepdims: int(0) }), 7);
  return net.serialize();
}

/** A keyword spotter: 1-D convolutions, a bidirectional LSTM, and the last place. */
function speech(): Uint8Array {
  const net = new Net(14);
  const [features, hidden] = [48, 64];
  let x = net.op("Relu", [net.op("Conv", [net.input("frames", [1, 40, 48]), net.weight([features, 40, 3]), net.between([features], -0.1, 0.1)], { kernel_shape: ints(3), strides: ints(2), pads: ints(1, 1) })]);
  x = net.op("Transpose", [x], { perm: ints(2, 0, 1) });
  const [hiddens] = net.ops("LSTM", [x, net.weight([2, 4 * hidden, features], features), net.weight([2, 4 * hidden, hidden], hidden), net.between([2, 8 * hidden], -0.1, 0.1)], { hidden_size: int(hidden), direction: text("bidirectional") }, 3) as [string];
  const flat = net.op("Reshape", [net.op("Transpose", [hiddens], { perm: ints(0, 2, 1, 3) }), net.integers([0, 0, -1])]);
  const last = net.op("Gather", [flat, net.integers([-1], [])], { axis: int(0) });
  net.output(net.op("LogSoftmax", [net.op("Gemm", [last, net.weight([12, 2 * hidden]), net.between([12], -0.1, 0.1)], { transB: int(1) })], { axis: int(1) }));
  return net.serialize();
}

/** Noise suppression: a GRU whose state goes in and out, with gains from 0 to 1. */
function noiseGate(): Uint8Array {
  const net = new Net(11);
  const [bands, hidden] = [42, 96];
  const x = net.input("bands", [24, 1, bands]);
  const [hiddens, state] = net.ops(
    "GRU", [x, net.weight([1, 3 * hidden, bands], bands), net.weight([1, 3 * hidden, hidden], hidden), net.between([1, 6 * hidden], -0.1, 0.1), "", net.input("state", [1, 1, hidden])],
    { hidden_size: int(hidden), linear_before_reset: int(1) }, 2,
  ) as [string, string];
  const gains = net.op("Sigmoid", [net.op("Add", [net.op("MatMul", [net.op("Squeeze", [hiddens], { axes: ints(1) }), net.weight([hidden, bands], hidden)]), net.between([bands], -0.1, 0.1)])]);
  net.output(net.op("Mul", [net.op("Unsqueeze", [gains], { axes: ints(1) }), x]));
  net.output(state);
  return net.serialize();
}

/** Int8 that finds its scales while it runs, as ONNX Runtime's dynamic quantisation writes a feed-forward layer. */
function dynamic(): Uint8Array {
  const net = new Net(13);
  const product = (x: string, from: number, to: number): string => {
    const [q, scale, zero] = net.ops("DynamicQuantizeLinear", [x], {}, 3) as [string, string, string];
    const exact = net.op("MatMulInteger", [q, net.bytes8(3, [from, to], -100, 100), zero, net.bytes8(3, [], 0, 0)]);
    return net.op("Add", [net.op("Mul", [net.op("Cast", [exact], { to: int(1) }), net.op("Mul", [scale, net.number(1 / 1000)])]), net.between([to], -0.1, 0.1)]);
  };
  const x = net.input("tokens", [1, 16, 128]);
  const wide = gelu(net, product(x, 128, 512));
  net.output(net.op("LayerNormalization", [net.op("Add", [x, product(wide, 512, 128)]), net.between([128], 0.5, 1.5), net.between([128], -0.1, 0.1)], { axis: int(-1) }));
  return net.serialize();
}

export const sequenceFamilies: readonly Family[] = [
  { name: "BERT (ids, mask, spelled-out norms; opset 14)", build: bert, shapes: { input_ids: [1, 24], attention_mask: [1, 24], token_type_ids: [1, 24] } },
  { name: "decoder (RMSNorm, RoPE, grouped queries; opset 23)", build: decoder },
  { name: "speech (Conv1d, bidirectional LSTM)", build: speech },
  { name: "noise gate (GRU with state)", build: noiseGate },
  { name: "dynamically quantised feed-forward", build: dynamic },
];
