/** A process that has nothing but ONNX Runtime: makes a session of the model in the file, runs it, and writes what that took as JSON. */
import { InferenceSession, type Tensor } from "onnxruntime-node";

const [file, threads, runs] = [process.argv[2] as string, Number(process.argv[3]), Number(process.argv[4])];
const started = performance.now();
const session = await InferenceSession.create(file, { executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
const ready = performance.now();
const [{ seededInput }, { dtypeFromName }, { residentBytes, writeReport }] = await Promise.all([import("../seededInput.ts"), import("../../../runtime/inference/tensorTypes.ts"), import("./report.ts")]);
const feeds: Record<string, Tensor> = {};
for (const info of session.inputMetadata) if (info.isTensor) feeds[info.name] = seededInput({ name: info.name, dtype: dtypeFromName(info.type), shape: info.shape.map(Number) });
for (let run = 0; run < runs; run++) await session.run(feeds);
await writeReport({ sinceStart: ready, session: ready - started, resident: [residentBytes(process.pid)] });
