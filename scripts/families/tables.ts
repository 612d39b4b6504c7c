import { int, ints, Net, real } from "./Net.ts";
import type { Family } from "./families.ts";

/** Trees walked level by level: Gather of node tables, Gather of features, Where; as Hummingbird's "tree traversal" is exported. */
function treesByGather(): Uint8Array {
  const net = new Net(13);
  const [rows, features, trees, depth] = [4, 24, 16, 5];
  const inner = 2 ** depth - 1;
  const x = net.input("features", [rows, features]);
  const chosen = net.integers(Array.from({ length: trees * inner }, () => net.whole(0, features)));
  const limits = net.between([trees * inner], -0.8, 0.8);
  let node = net.op("Expand", [net.integers(Array.from({ length: trees }, (_, t) => t * inner), [1, trees]), net.integers([rows, trees])]);
  const starts = net.integers(Array.from({ length: trees }, (_, t) => t * inner), [1, trees]);
  for (let level = 0; level < depth; level++) {
    const feature = net.op("Gather", [chosen, node]);
    const value = net.op("GatherElements", [x, feature], { axis: int(1) });
    const right = net.op("Greater", [value, net.op("Gather", [limits, node])]);
    const local = net.op("Sub", [node, starts]);
    const child = net.op("Where", [right, net.op("Add", [net.op("Mul", [local, net.integers([2], [])]), net.integers([2], [])]), net.op("Add", [net.op("Mul", [local, net.integers([2], [])]), net.integers([1], [])])]);
    node = level + 1 < depth ? net.op("Add", [child, starts]) : net.op("Add", [net.op("Sub", [child, net.integers([inner], [])]), net.integers(Array.from({ length: trees }, (_, t) => t * 2 ** depth), [1, trees])]);
  }
  const leaves = net.op("Gather", [net.between([trees * 2 ** depth, 3], -0.5, 0.5), node]);
  net.output(net.op("Softmax", [net.op("ReduceSum", [leaves, net.integers([1])], { keepdims: int(0) })], { axis: int(-1) }));
  return net.serialize();
}

/** Trees as products: which tests hold, which leaf they lead to, what it says; as Hummingbird's "gemm" strategy is exported. */
function treesByProduct(): Uint8Array {
  const net = new Net(11);
  const [features, tests, leaves] = [30, 120, 128];
  const held = net.op("Cast", [net.op("Less", [net.op("MatMul", [net.input("features", [8, features]), net.floats([features, tests], () => Number(net.whole(0, features) === 0))]), net.between([tests], -0.5, 0.5)])], { to: int(1) });
  const paths = net.op("MatMul", [held, net.floats([tests, leaves], () => net.whole(-1, 2))]);
  const reached = net.op("Cast", [net.op("Equal", [paths, net.floats([leaves], () => net.whole(-2, 3))])], { to: int(1) });
  const scores = net.op("MatMul", [reached, net.between([leaves, 2], -1, 1)]);
  net.output(net.op("Sigmoid", [scores]));
  net.output(net.op("ArgMax", [scores], { axis: int(1), keepdims: int(0) }), 7);
  return net.serialize();
}

/** What exporters write around networks: open batch, ConstantOfShape masks, Split with num_outputs, Clip with one bound, Range, Expand, Tile. */
function patterns(): Uint8Array {
  const net = new Net(18);
  const x = net.input("x", ["batch", 12, "width"]);
  const shape = net.op("Shape", [x]);
  const ones = net.op("ConstantOfShape", [shape]);
  const kept = net.op("Where", [net.op("Greater", [x, ones]), x, net.op("Mul", [x, net.number(0.1)])]);
  const [a, b, c] = net.ops("Split", [kept], { axis: int(1), num_outputs: int(3) }, 3) as [string, string, string];
  const width = net.op("Gather", [shape, net.integers([2], [])]);
  const ramp = net.op("Cast", [net.op("Range", [net.integers([0], []), width, net.integers([1], [])])], { to: int(1) });
  const bounded = net.op("Clip", [net.op("Add", [a, net.op("Mul", [ramp, net.number(0.01)])]), net.number(0)]);
  const spread = net.op("Expand", [net.op("ReduceMean", [b, net.integers([1])]), net.op("Shape", [c])]);
  const joined = net.op("Concat", [bounded, spread, net.op("HardSwish", [c])], { axis: int(1) });
  const scattered = net.op("ScatterND", [joined, net.integers([0, 3, 0, 7], [2, 2]), net.op("Slice", [net.op("Squeeze", [net.op("Slice", [joined, net.integers([0]), net.integers([1]), net.integers([0])]), net.integers([0])]), net.integers([0]), net.integers([2]), net.integers([0])])]);
  const flipped = net.op("Slice", [scattered, net.integers([-1]), net.integers([-(2 ** 31)]), net.integers([2]), net.integers([-1])]);
  const square = net.op("Einsum", [flipped, scattered], { equation: { string: "bcw,bdw->bcd" } });
  net.output(net.op("Flatten", [net.op("CumSum", [square, net.integers([1], [])])]));
  net.output(net.op("Tile", [net.op("ReduceL2", [joined, net.integers([1])], { keepdims: int(1) }), net.integers([1, 2, 1])]));
  return net.serialize();
}

/** Matrix factorisation with hashed ids: integer arithmetic, embeddings, and an old Gemm with scales. */
function recommender(): Uint8Array {
  const net = new Net(10);
  const ids = net.input("ids", [16, 3], 7);
  const buckets = net.op("Mod", [net.op("Add", [net.op("Mul", [ids, net.integers([2654435, 40503, 97], [1, 3])]), net.integers([7], [])]), net.integers([64], [])]);
  const rows = net.op("Reshape", [net.op("Gather", [net.between([64, 16], -1, 1), buckets]), net.integers([16, 48])]);
  const deep = net.op("Selu", [net.op("Gemm", [rows, net.weight([48, 32], 48), net.between([32], -0.1, 0.1)], { alpha: real(0.5), beta: real(2) })]);
  net.output(net.op("Sigmoid", [net.op("ReduceSum", [net.op("Mul", [deep, net.between([32], -1, 1)])], { axes: ints(1) })]));
  return net.serialize();
}

export const tableFamilies: readonly Family[] = [
  { name: "tree ensemble (Gather, Where)", build: treesByGather },
  { name: "tree ensemble (MatMul)", build: treesByProduct },
  { name: "export patterns (open shapes, opset 18)", build: patterns, shapes: { x: [2, 12, 10] } },
  { name: "recommender (hashed ids, opset 10)", build: recommender },
];
