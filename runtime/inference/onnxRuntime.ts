import type { InferenceSession } from "onnxruntime-node";
import { loadBinding } from "./loadBinding.ts";
import { loadLibrary } from "./loadLibrary.ts";
import type { Provider, SessionInfo, TensorBytes } from "./types.ts";

/** What the installed package offers. */
export interface OnnxRuntime {
  version: string;
  providers: string[];
  /** Does ahead of the first session what all of them need, and nobody has to wait for who only wants to know the above. */
  prepare(): void;
  /** Makes a session of a model's bytes, or of the file at a path. Throws what the library says. */
  open(model: Uint8Array | string, options: InferenceSession.SessionOptions): OpenSession;
}

/** A session as the library has it. It takes inputs in the order of `info`, with the shapes that they have, and gives outputs in that order. */
export interface OpenSession {
  readonly info: SessionInfo;
  /** Runs; outputs get new memory. */
  run(inputs: readonly TensorBytes[]): TensorBytes[];
  /** Prepares runs that write all outputs to the same places, which must stay there, and are not looked at until the run is over. A run throws if the outputs do not fit. */
  into(places: readonly TensorBytes[]): (inputs: readonly TensorBytes[]) => void;
  release(): void;
}

/**
 * Loads the library: for the processor by its C interface, which writes outputs where they are wanted and takes a third of the time to load, else, and where that cannot be had, by
 * the package's own binding, which knows what the other providers need to be told. Throws whatever the loader of native modules throws; `say` is told of what is wrong with the former.
 */
export async function loadRuntime(provider: Provider, say: (text: string) => void): Promise<OnnxRuntime> {
  try {
    const library = provider === "cpu" ? loadLibrary() : undefined;
    if (library !== undefined) return library;
  } catch (error) {
    say(`ONNX Runtime cannot be called by its C interface, only by its slower binding: ${(error as Error).message}`);
  }
  return loadBinding();
}
