import { opcodes } from "../expression.ts";
import { lowerGemm, lowerMatMul } from "./contractions.ts";
import { lowerConv } from "./convolutions.ts";
import { binary, lowerClip, lowerHardSigmoid, lowerLeakyRelu, lowerPow, lowerPRelu, lowerReciprocal, unary, variadic, type LowerNode } from "./maps.ts";
import { activations } from "./activations.ts";
import { lowerCast } from "./casts.ts";
import { lowerGather, lowerGatherElements } from "./gathers.ts";
import { comparison, lowerIsInf, lowerIsNaN, lowerMod, lowerWhere } from "./logic.ts";
import { lowerConcat, lowerPad } from "./movements.ts";
import { softmax } from "./normalisations.ts";
import { lowerConvInteger, lowerDequantizeLinear, lowerMatMulInteger, lowerQLinearConv, lowerQLinearMatMul, lowerQuantizeLinear } from "./quantised.ts";
import { argument, lowerAveragePool, lowerGlobalAveragePool, lowerGlobalMaxPool, lowerMaxPool, reduction } from "./reductions.ts";
import { lowerDropout, lowerExpand, lowerIdentity, lowerReshape, lowerSlice, lowerSplit, lowerTile, lowerTranspose } from "./views.ts";

const exact = { integer: "any" } as const;
const ring = { integer: "ring" } as const;

/** Every operator that can be compiled, by its ONNX name. */
export const operators: ReadonlyMap<string, LowerNode> = new Map<string, LowerNode>([
  ...activations,
  ["MatMul", lowerMatMul],
  ["Gemm", lowerGemm],
  ["Conv", lowerConv],
  ["QuantizeLinear", lowerQuantizeLinear],
  ["DequantizeLinear", lowerDequantizeLinear],
  ["QLinearConv", lowerQLinearConv],
  ["QLinearMatMul", lowerQLinearMatMul],
  ["MatMulInteger", lowerMatMulInteger],
  ["ConvInteger", lowerConvInteger],
  ["MaxPool", lowerMaxPool],
  ["GlobalMaxPool", lowerGlobalMaxPool],
  ["ReduceMax", reduction("max")],
  ["ReduceMin", reduction("min")],
  ["ReduceSum", reduction("sum")],
  ["ReduceMean", reduction("mean")],
  ["ArgMax", argument("argMax")],
  ["ArgMin", argument("argMin")],
  ["AveragePool", lowerAveragePool],
  ["GlobalAveragePool", lowerGlobalAveragePool],
  ["Softmax", softmax("softmax")],
  ["LogSoftmax", softmax("logSoftmax")],
  ["Concat", lowerConcat],
  ["Pad", lowerPad],
  ["Gather", lowerGather],
  ["GatherElements", lowerGatherElements],
  ["Less", comparison(opcodes.less)],
  ["LessOrEqual", comparison(opcodes.lessOrEqual)],
  ["Greater", comparison(opcodes.less, true)],
  ["GreaterOrEqual", comparison(opcodes.lessOrEqual, true)],
  ["Equal", comparison(opcodes.equal)],
  ["And", binary(opcodes.and, exact)],
  ["Or", binary(opcodes.or, exact)],
  ["Xor", binary(opcodes.xor, exact)],
  ["Not", unary(opcodes.not, exact)],
  ["Where", lowerWhere],
  ["Mod", lowerMod],
  ["IsInf", lowerIsInf],
  ["IsNaN", lowerIsNaN],
  ["Floor", unary(opcodes.floor)],
  ["Ceil", unary(opcodes.ceil)],
  ["Round", unary(opcodes.round)],
  ["Sign", unary(opcodes.sign)],
  ["Sin", unary(opcodes.sin)],
  ["Cos", unary(opcodes.cos)],
  ["Pow", lowerPow],
  ["Add", binary(opcodes.add, ring)],
  ["Sub", binary(opcodes.sub, ring)],
  ["Mul", binary(opcodes.mul, ring)],
  ["Div", binary(opcodes.div, exact)],
  ["Max", variadic(opcodes.max, exact)],
  ["Min", variadic(opcodes.min, exact)],
  ["Sum", variadic(opcodes.add)],
  ["Neg", unary(opcodes.neg, ring)],
  ["Abs", unary(opcodes.abs, exact)],
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
  ["CastLike", lowerCast],
  ["Expand", lowerExpand],
  ["Tile", lowerTile],
  ["Slice", lowerSlice],
  ["Split", lowerSplit],
]);
