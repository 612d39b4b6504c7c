/**
 * A process with the parts of an executor that serve a model: opens the bundle in the folder, runs it, and writes what that took as JSON. With a folder for what outlives a
 * restart, executable graphs and what self-tests remember, it makes the self-test. Like a daemon's, its inference process is started before everything else is loaded, and it has no ONNX Runtime of its own.
 */
import { createInference } from "../../../runtime/inference/createInference.ts";

const [folder, threads, runs, kept] = [process.argv[2] as string, Number(process.argv[3]), Number(process.argv[4]), process.argv[5]];
const children: number[] = [];
const silent = (): void => undefined;
const logger = { debug: (fields: object) => void ("pid" in fields && typeof fields.pid === "number" && children.push(fields.pid)), info: silent, warn: silent, error: silent };
const running = { provider: "cpu", threads, optimization: "all" } as const;
const inference = createInference(running, { logger });
const started = performance.now();
// Whatever is wrong with the process shows in the first load.
inference.start().catch(silent);
const { measureServing } = await import("./measureServing.ts");
const report = await measureServing({ inference, children, started, running, logger, folder, runs, kept });
await inference.stop();
const { writeReport } = await import("./report.ts");
await writeReport(report);
