import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { BUNDLES } from "../../../cli/currentBundle.mjs";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { ownHashes, readInputs } from "../../bundle/updateBundle.ts";
import { writeBundle as bundleSources } from "../../bundle/writeBundle.ts";
import { inFolder } from "../inFolder.ts";
import { runProcess, type ProcessReport } from "../processes/report.ts";
import type { BenchContext, Section } from "../section.ts";
import { times } from "../spread.ts";
import type { Subject } from "../subjects.ts";

/** Starts of which the fastest counts: what a start waits for is mostly somebody else. */
const STARTS = 7;

const root = path.dirname(path.dirname(path.dirname(import.meta.dirname)));

const ways = ["plain", "fresh", "again", "sources"] as const;
type Way = (typeof ways)[number];

export interface ModelStart {
  model: string;
  /** Milliseconds of the first start, with the whole self-test. */
  first: number;
  /** Milliseconds from the start of the process, and from the model on disk, until it can run. */
  ready: Record<Way, Pick<ProcessReport, "sinceStart" | "session">>;
}

/** How long it takes until an executor can take a job. */
export const start: Section<ModelStart[]> = {
  name: "start",
  title: "Start",
  about: `Milliseconds, the fastest of ${STARTS} starts, code compiled before (Node's compile cache) for all. session: ONNX Runtime's own session creation, from the model's file · process: that of a process with nothing else, from its start · fresh: from a compiled bundle on disk to the first execution where no graph is kept yet, inference process included · again: from the compiled bundle on disk until an executor takes jobs of a program that has passed its self-test before · process, again: the same from the start of the process · sources: the same where the software is not bundled · first: with the whole self-test, once for each program and machine.`,
  async measure(context) {
    const measured: ModelStart[] = [];
    const folder = path.join(root, BUNDLES, `bench-${process.pid}`);
    try {
      await bundleSources({ root, folder, entries: ["scripts/bench/processes/servingProcess.ts"], hashes: ownHashes(readInputs(root)) });
      for (const subject of context.subjects) {
        context.note(`start: ${subject.name}`);
        measured.push(await measureStart(subject, pathToFileURL(path.join(folder, "servingProcess.js")), context));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return measured;
  },
  tables: (measured) => [
    {
      caption: "",
      header: ["model", "session", "process", "fresh", "again", "÷ session", "process, again", "÷ process", "sources", "÷ process", "first"],
      rows: measured.map(({ model, first, ready: { plain, fresh, again, sources } }) => [
        model,
        plain.session.toFixed(0),
        plain.sinceStart.toFixed(0),
        fresh.session.toFixed(0),
        again.session.toFixed(0),
        times(again.session / plain.session),
        again.sinceStart.toFixed(0),
        times(again.sinceStart / plain.sinceStart),
        sources.sinceStart.toFixed(0),
        times(sources.sinceStart / plain.sinceStart),
        first.toFixed(0),
      ]),
    },
  ],
};

async function measureStart(subject: Subject, serving: URL, context: BenchContext): Promise<ModelStart> {
  return inFolder(async (folder) => {
    const file = path.join(folder, "plain.onnx");
    await writeFile(file, subject.plainBytes);
    const bundle = path.join(folder, "bundle");
    await writeBundle(bundle, await context.bundle(subject, "block"));
    const [threads, kept, compiled] = [String(context.threads), path.join(folder, "kept"), path.join(folder, "compiled")];
    const started: Record<Way, () => Promise<ProcessReport>> = {
      plain: () => runProcess("plainProcess.ts", [file, threads, "0"], compiled),
      fresh: () => runProcess(serving, [bundle, threads, "0"], compiled),
      again: () => runProcess(serving, [bundle, threads, "0", kept], compiled),
      sources: () => runProcess("servingProcess.ts", [bundle, threads, "0", kept], compiled),
    };
    const { sinceStart: first } = await started.again();
    for (const way of ways) await started[way]();
    const reports = new Map<Way, ProcessReport[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < STARTS; round++) for (const way of ways) reports.get(way)?.push(await started[way]());
    const fastest = (way: Way): Pick<ProcessReport, "sinceStart" | "session"> => ({
      sinceStart: Math.min(...(reports.get(way) ?? []).map(({ sinceStart }) => sinceStart)),
      session: Math.min(...(reports.get(way) ?? []).map(({ session }) => session)),
    });
    return { model: subject.name, first, ready: { plain: fastest("plain"), fresh: fastest("fresh"), again: fastest("again"), sources: fastest("sources") } };
  });
}
