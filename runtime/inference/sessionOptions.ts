import type { InferenceSession } from "onnxruntime-node";
import type { LoadOptions, Optimization, Provider } from "./types.ts";

/** CoreML's flags ML_PROGRAM and CPU_AND_GPU: its older network format and the neural engine compute in half precision. */
const COREML_FP32_FLAGS = 0x010 | 0x020;

/**
 * Rewrites of ONNX Runtime that change what is computed by more than rounding, and are left out of every graph: one quantises float weights and
 * biases between quantised activations again, one takes a requantisation out, and one multiplies a product of matrices by the scales of its operands, which
 * are committed scaled: the unscaled product may overflow, and is rounded once more often than the bound counts.
 */
export const UNFAITHFUL: readonly string[] = ["WeightBiasQuantization", "DoubleQDQPairsRemover", "MatMulScaleFusion"];

/**
 * Session options of the numeric profile fp32: one stream of execution, no silent fallback from WebGPU to the CPU, and for
 * CoreML only the units that keep float32. What CUDA needs cannot be said here; see `profileEnvironment`.
 */
export function sessionOptions(provider: Provider, threads: number, optimization: Optimization, load: Pick<LoadOptions, "disabledOptimizers" | "saveOptimizedTo">): InferenceSession.SessionOptions {
  return {
    executionProviders: [executionProvider(provider)],
    graphOptimizationLevel: optimization,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3,
    ...(load.saveOptimizedTo === undefined ? {} : { optimizedModelFilePath: load.saveOptimizedTo }),
    extra: {
      // Threads that wait for work by spinning take four times the processor time of a run of milliseconds, and thirty times that of a tiny one (docs/performance.md).
      // Products of unsigned by signed bytes are added up in 16 bits by some processors, which saturates; with the precise mode their weights are made unsigned instead.
      session: { intra_op: { allow_spinning: "0" }, x64quantprecision: "1", ...(provider === "webgpu" ? { disable_cpu_ep_fallback: "1" } : {}) },
      optimization: { disable_specified_optimizers: [...UNFAITHFUL, ...(load.disabledOptimizers ?? [])].join(";") },
    },
  };
}

function executionProvider(provider: Provider): InferenceSession.ExecutionProviderConfig {
  if (provider === "coreml") return { name: "coreml", coreMlFlags: COREML_FP32_FLAGS };
  // ONNX Runtime's Node binding hands only the device's number on to CUDA today; the rest is read once it learns to.
  if (provider === "cuda") return { name: "cuda", deviceId: 0, use_tf32: "0", cudnn_conv_algo_search: "DEFAULT" } as InferenceSession.ExecutionProviderConfig;
  return { name: provider };
}

/**
 * Environment of the inference process. `NVIDIA_TF32_OVERRIDE=0` keeps cuBLAS and cuDNN from using TF32: the binding does not
 * pass `use_tf32` on. Variables named GAINSAY_… may hold secrets and stay out of a process that runs native code on foreign models.
 */
export function profileEnvironment(provider: Provider, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("GAINSAY_") && name !== "NODE_OPTIONS" && name !== "NODE_CHANNEL_FD"));
  return provider === "cuda" ? { ...kept, NVIDIA_TF32_OVERRIDE: "0" } : kept;
}
