import { opcodes } from "../expression.ts";
import { lowerConv, lowerGemm, lowerMatMul } from "./contractions.ts";
import { binary, lowerClip, lowerHardSigmoid, lowerLeakyRelu, lowerPRelu, lowerReciprocal, unary, variadic, type LowerNode } from "./maps.ts";
import { lowerGlobalMaxPool, lowerMaxPool, lowerReduceMax, lowerReduceMin } from "./reductions.ts";
import { lowerCast, lowerDropout, lowerExpand, lowerIdentity, lowerReshape, lowerSlice, lowerSplit, lowerTile, lowerTranspose } from "./views.ts";

/** Every operator that can be compiled, by its ONNX name. */
export const operators: ReadonlyMap<string, LowerNode> = new Map<string, LowerNode>([
  ["MatMul", lowerMatMul],
  ["Gemm", lowerGemm],
  ["Conv", lowerConv],
  ["MaxPool", lowerMaxPool],
  ["GlobalMaxPool", lowerGlobalMaxPool],
  ["ReduceMax", lowerReduceMax],
  ["ReduceMin", lowerReduceMin],
  ["Add", binary(opcodes.add)],
  ["Sub", binary(opcodes.sub)],
  ["Mul", binary(opcodes.mul)],
  ["Div", binary(opcodes.div)],
  ["Max", variadic(opcodes.max)],
  ["Min", variadic(opcodes.min)],
  ["Sum", variadic(opcodes.add)],
  ["Neg", unary(opcodes.neg)],
  ["Abs", unary(opcodes.abs)],
  ["Sqrt", unary(opcodes.sqrt)],
  ["Exp", unary(opcodes.exp)],
  ["Log", unary(opcodes.log)],
  ["Tanh", unary(opcodes.tanh)],
  ["Erf", unary(opcodes.erf)],
  ["Sigmoid", unary(opcodes.sigmoid)],
  ["Relu", unary(opcodes.relu)],
  ["Clip", lowerClip],
  ["LeakyRelu", lowerLeakyRelu],
  ["PRelu", lowerPRelu],
  ["Reciprocal", lowerReciprocal],
  ["HardSigmoid", lowerHardSigmoid],
  ["Reshape", lowerReshape],
  ["Flatten", lowerReshape],
  ["Squeeze", lowerReshape],
  ["Unsqueeze", lowerReshape],
  ["Transpose", lowerTranspose],
  ["Identity", lowerIdentity],
  ["Dropout", lowerDropout],
  ["Cast", lowerCast],
  ["Expand", lowerExpand],
  ["Tile", lowerTile],
  ["Slice", lowerSlice],
  ["Split", lowerSplit],
]);
