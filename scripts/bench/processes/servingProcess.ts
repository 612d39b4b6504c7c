/**
 * A process with the parts of an executor that serve a model: opens the bundle in the folder, runs it, and writes what that took as JSON. With a folder for what
 * self-tests remember, it makes the self-test.
 */
import { createTestMemory } from "../../../node/createTestMemory.ts";
import { selfTest } from "../../../node/selfTest.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { openBench } from "../openBench.ts";
import { seededFeeds } from "../seededInput.ts";
import { residentBytes, type ProcessReport } from "./report.ts";

const [folder, threads, runs, memoryFolder] = [process.argv[2] as string, Number(process.argv[3]), Number(process.argv[4]), process.argv[5]];
await openBench(threads, async ({ inference, hasher, children }) => {
  const started = performance.now();
  const loaded = prepareProgram(await readBundle(folder), inference, hasher);
  const inputs = Object.values(seededFeeds(loaded.program.inputs)).map(({ bytes }) => bytes);
  if (memoryFolder !== undefined) await selfTest(loaded, { memory: createTestMemory(memoryFolder) });
  else await loaded.execute(inputs);
  const ready = performance.now();
  for (let run = 0; run < runs; run++) await loaded.execute(inputs);
  const report: ProcessReport = { sinceStart: ready, session: ready - started, resident: [process.pid, ...children].map(residentBytes) };
  process.stdout.write(JSON.stringify(report));
});
process.exit(0);
