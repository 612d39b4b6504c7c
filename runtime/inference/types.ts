import type { Dtype } from "../../protocol/program/types.ts";

/** Where graphs run; the names are those of ONNX Runtime's execution providers. */
export const providers = ["cpu", "cuda", "webgpu", "coreml", "dml"] as const;
export type Provider = (typeof providers)[number];

/** How far ONNX Runtime may rewrite a graph before it runs it. */
export const optimizations = ["disabled", "basic", "extended", "all"] as const;
export type Optimization = (typeof optimizations)[number];

/** What a long-lived part says to its operator: fields and a fixed message. A pino logger fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A tensor as it crosses the process border: little-endian elements, row-major, no gaps. */
export interface TensorBytes {
  dtype: Dtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** An input or output of a session; a dimension that is not fixed has its symbol (or an empty string) for a size. */
export interface ValueInfo {
  name: string;
  dtype: Dtype;
  shape: readonly (number | string)[];
}

export interface SessionInfo {
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
}

/** A model in a file that may have been damaged since it was written. */
export interface ModelFile {
  path: string;
  /** Rejects if the file is not what it was. It is called each time that the model is loaded, while ONNX Runtime reads the file. */
  check(): Promise<void>;
}

/** How one session differs from the options of the whole. */
export interface LoadOptions {
  /** Overrides the level of `createInference`. */
  optimization?: Optimization;
  /** Graph rewrites to leave out, by ONNX Runtime's names (`optimization.disable_specified_optimizers`). */
  disabledOptimizers?: readonly string[];
  /** File to which ONNX Runtime writes the rewritten graph. */
  saveOptimizedTo?: string;
  signal?: AbortSignal;
}

export interface RunOptions {
  signal?: AbortSignal;
}
