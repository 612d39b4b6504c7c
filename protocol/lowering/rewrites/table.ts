import { floatAttribute } from "../../onnx/attributes.ts";
import { rewriteAttention } from "./attention.ts";
import { rewriteDequantizeLinear, rewriteQuantizeLinear } from "./blocks.ts";
import { rewriteIf, rewriteLoop, rewriteScan } from "./controlFlow.ts";
import { rewriteEinsum } from "./einsum.ts";
import type { Rewrite } from "./graphBuilder.ts";
import { rewriteBatchNorm, rewriteGroupNorm, rewriteInstanceNorm, rewriteLayerNorm, rewriteLpNorm, rewriteMeanVariance, rewriteRmsNorm } from "./norms.ts";
import { rewriteCol2Im, rewriteGlobalLpPool, rewriteLpPool, rewriteMaxPool, rewriteMaxUnpool } from "./pools.ts";
import { rewriteBitShift, rewriteBitwiseNot, rewritePow } from "./powers.ts";
import { quantisedBinary, quantisedUnary, rewriteDynamicQuantise, rewriteMatMulInteger, rewriteQGemm, rewriteQuantisedConcat, rewriteQuantisedPool } from "./quantised.ts";
import { rewriteCompress, rewriteGatherNd, rewriteReverseSequence } from "./lookups.ts";
import { rewriteConcat, rewriteDepthToSpace, rewritePad, rewriteSpaceToDepth } from "./rearrangements.ts";
import { recurrent } from "./recurrent.ts";
import { rewriteReduceProd, sumOf } from "./reductions.ts";
import { rewriteResize } from "./resizes.ts";
import { rewriteOwnRotary, rewriteRotary } from "./rotary.ts";
import { rewriteCumSum } from "./running.ts";
import { rewriteGemm } from "./scales.ts";
import { rewriteAffineGrid, rewriteGridSample } from "./sampling.ts";
import { rewriteScatterElements, rewriteScatterNd, rewriteTensorScatter } from "./scatters.ts";
import { rewriteHardmax, rewriteLrn, rewriteOneHot, rewriteShape, rewriteTopK, rewriteTrilu } from "./selections.ts";
import { arccosine, arcsine, arctangent, hyperbolicArccosine, hyperbolicArcsine, hyperbolicArctangent, hyperbolicCosine, hyperbolicSine, tangent, written } from "./trigonometry.ts";
import { rewriteConvTranspose } from "./transposedConvolutions.ts";

/** Operators that are replaced by others before lowering, by name. */
export const rewrites: ReadonlyMap<string, Rewrite> = new Map<string, Rewrite>([
  ["If", rewriteIf],
  ["Loop", rewriteLoop],
  ["Scan", rewriteScan],
  ["Gemm", rewriteGemm],
  ["LayerNormalization", rewriteLayerNorm],
  ["RMSNormalization", rewriteRmsNorm],
  ["SimplifiedLayerNormalization", rewriteRmsNorm],
  ["InstanceNormalization", rewriteInstanceNorm],
  ["GroupNormalization", rewriteGroupNorm],
  ["MeanVarianceNormalization", rewriteMeanVariance],
  ["LpNormalization", rewriteLpNorm],
  ["BatchNormalization", rewriteBatchNorm],
  ["ReduceL1", sumOf("L1")],
  ["ReduceL2", sumOf("L2")],
  ["ReduceSumSquare", sumOf("SumSquare")],
  ["ReduceLogSum", sumOf("LogSum")],
  ["ReduceLogSumExp", sumOf("LogSumExp")],
  ["ReduceProd", rewriteReduceProd],
  ["Attention", rewriteAttention],
  ["DequantizeLinear", rewriteDequantizeLinear],
  ["QuantizeLinear", rewriteQuantizeLinear],
  ["AffineGrid", rewriteAffineGrid],
  ["GridSample", rewriteGridSample],
  ["RotaryEmbedding", rewriteRotary],
  ["com.microsoft.RotaryEmbedding", rewriteOwnRotary],
  ["LSTM", recurrent("LSTM")],
  ["GRU", recurrent("GRU")],
  ["RNN", recurrent("RNN")],
  ["Resize", rewriteResize],
  ["Upsample", rewriteResize],
  ["ConvTranspose", rewriteConvTranspose],
  ["DepthToSpace", rewriteDepthToSpace],
  ["SpaceToDepth", rewriteSpaceToDepth],
  ["Pad", rewritePad],
  ["Concat", rewriteConcat],
  ["GatherND", rewriteGatherNd],
  ["LpPool", rewriteLpPool],
  ["GlobalLpPool", rewriteGlobalLpPool],
  ["MaxPool", rewriteMaxPool],
  ["MaxUnpool", rewriteMaxUnpool],
  ["Shape", rewriteShape],
  ["Size", rewriteShape],
  ["Col2Im", rewriteCol2Im],
  ["Pow", rewritePow],
  ["BitShift", rewriteBitShift],
  ["BitwiseNot", rewriteBitwiseNot],
  ["Compress", rewriteCompress],
  ["ReverseSequence", rewriteReverseSequence],
  ["Scatter", rewriteScatterElements],
  ["ScatterElements", rewriteScatterElements],
  ["ScatterND", rewriteScatterNd],
  ["TensorScatter", rewriteTensorScatter],
  ["CumSum", rewriteCumSum],
  ["Trilu", rewriteTrilu],
  ["OneHot", rewriteOneHot],
  ["Hardmax", rewriteHardmax],
  ["TopK", rewriteTopK],
  ["LRN", rewriteLrn],
  ["Einsum", rewriteEinsum],
  ["Tan", written(tangent)],
  ["Atan", written(arctangent)],
  ["Asin", written(arcsine)],
  ["Acos", written(arccosine)],
  ["Sinh", written(hyperbolicSine)],
  ["Cosh", written(hyperbolicCosine)],
  ["Asinh", written(hyperbolicArcsine)],
  ["Acosh", written(hyperbolicArccosine)],
  ["Atanh", written(hyperbolicArctangent)],
  ["DynamicQuantizeLinear", rewriteDynamicQuantise],
  ["MatMulInteger", rewriteMatMulInteger],
  ["com.microsoft.QLinearAdd", quantisedBinary("Add")],
  ["com.microsoft.QLinearMul", quantisedBinary("Mul")],
  ["com.microsoft.QLinearConcat", rewriteQuantisedConcat],
  ["com.microsoft.QLinearGlobalAveragePool", rewriteQuantisedPool("GlobalAveragePool")],
  ["com.microsoft.QLinearAveragePool", rewriteQuantisedPool("AveragePool")],
  ["com.microsoft.QLinearSigmoid", quantisedUnary((graph, x) => graph.add("Sigmoid", [x]))],
  ["com.microsoft.QLinearLeakyRelu", quantisedUnary((graph, x) => graph.add("LeakyRelu", [x], { alpha: { float: floatAttribute(graph.node, "alpha", 0.01) } }))],
  ["com.microsoft.QGemm", rewriteQGemm],
]);
