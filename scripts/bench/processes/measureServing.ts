import path from "node:path";
import { createTestMemory } from "../../../node/createTestMemory.ts";
import { selfTest } from "../../../node/selfTest.ts";
import { createBundleMemory } from "../../../runtime/bundle/createBundleMemory.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import type { Inference } from "../../../runtime/inference/createInference.ts";
import type { Logger } from "../../../runtime/inference/types.ts";
import { createGraphStore } from "../../../runtime/programs/createGraphStore.ts";
import type { GraphOptions } from "../../../runtime/programs/graphSetting.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { seededFeeds } from "../seededBytes.ts";
import { residentBytes, type ProcessReport } from "./report.ts";

export interface Serving {
  inference: Inference;
  /** Process ids of the inference processes. */
  children: readonly number[];
  /** When the inference process was started. */
  started: number;
  running: GraphOptions;
  logger: Logger;
  /** Of the bundle. */
  folder: string;
  runs: number;
  /** Folder of what outlives a restart. */
  kept: string | undefined;
}

/** Opens and runs a program as a daemon does. */
export async function measureServing({ inference, children, started, running, logger, folder, runs, kept }: Serving): Promise<ProcessReport> {
  const hasher = createHasher({ threads: running.threads });
  hasher.start();
  const loaded = prepareProgram(await readBundle(folder, kept === undefined ? {} : { memory: createBundleMemory(path.join(kept, "examined")) }), inference, hasher, { graphs: kept === undefined ? undefined : createGraphStore(path.join(kept, "graphs"), running, { logger }) });
  // A job brings its input along; the self-test makes its own.
  const inputs = (): Uint8Array[] => Object.values(seededFeeds(loaded.program.inputs)).map(({ bytes }) => bytes);
  if (kept === undefined) await loaded.execute(inputs());
  else await selfTest(loaded, { memory: createTestMemory(path.join(kept, "tested")) });
  const ready = performance.now();
  const job = inputs();
  for (let run = 0; run < runs; run++) await loaded.execute(job);
  const resident = [process.pid, ...children].map(residentBytes);
  await hasher.stop();
  return { sinceStart: ready, session: ready - started, resident };
}
