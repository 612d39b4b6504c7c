/** A process that has nothing but ONNX Runtime: makes a session of the model in the file, runs it, and writes what that took as JSON. */
import { readFile } from "node:fs/promises";
import { Tensor } from "onnxruntime-node";
import { dtypeFromName } from "../../../runtime/inference/tensorTypes.ts";
import { plainSession } from "../openBench.ts";
import { seededInput } from "../seededInput.ts";
import { residentBytes, type ProcessReport } from "./report.ts";

const [file, threads, runs] = [process.argv[2] as string, Number(process.argv[3]), Number(process.argv[4])];
const model = new Uint8Array(await readFile(file));
const started = performance.now();
const session = await plainSession(model, threads);
const ready = performance.now();
const feeds: Record<string, Tensor> = {};
for (const info of session.inputMetadata) if (info.isTensor) feeds[info.name] = seededInput({ name: info.name, dtype: dtypeFromName(info.type), shape: info.shape.map(Number) });
for (let run = 0; run < runs; run++) await session.run(feeds);
const report: ProcessReport = { sinceStart: ready, session: ready - started, resident: [residentBytes(process.pid)] };
process.stdout.write(JSON.stringify(report));
process.exit(0);
