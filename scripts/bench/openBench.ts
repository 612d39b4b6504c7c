import { InferenceSession, type Tensor } from "onnxruntime-node";
import { createHasher, type Hasher } from "../../runtime/hashing/createHasher.ts";
import { createInference, type Inference } from "../../runtime/inference/createInference.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import type { Program } from "../../protocol/program/types.ts";
import { seededInput } from "./seededInput.ts";
import type { Subject } from "./subjects.ts";

/** The two sides of a comparison: ONNX Runtime in this process, and the parts of a daemon. */
export interface Bench {
  inference: Inference;
  hasher: Hasher;
  /** ONNX Runtime in this process at its best options, on a program's seeded inputs. */
  plain(subject: Subject, program: Program, threads?: number): Promise<() => Promise<unknown>>;
  onClose(close: () => Promise<unknown>): void;
}

/** Opens both, lets `work` measure, and closes everything again. */
export async function openBench<T>(threads: number, work: (bench: Bench) => Promise<T>): Promise<T> {
  const closing: (() => Promise<unknown>)[] = [];
  const hasher = createHasher({ threads });
  hasher.start();
  const inference = createInference({ provider: "cpu", threads, optimization: "all" }, { logger: silentLogger() });
  closing.push(() => hasher.stop(), () => inference.stop());
  try {
    return await work({
      inference,
      hasher,
      async plain(subject, program, own = threads) {
        const session = await plainSession(subject.plainBytes, own);
        closing.push(() => session.release());
        const tensors: Record<string, Tensor> = Object.fromEntries(program.inputs.map((spec) => [spec.name, seededInput(spec)]));
        return () => session.run(tensors);
      },
      onClose: (close) => void closing.push(close),
    });
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** A session of ONNX Runtime at the options at which it is fastest. */
export function plainSession(model: Uint8Array, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(model, { executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
}
