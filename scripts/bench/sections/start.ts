import { writeFile } from "node:fs/promises";
import path from "node:path";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { inFolder } from "../inFolder.ts";
import { runProcess, type ProcessReport } from "../processes/report.ts";
import type { BenchContext, Section } from "../section.ts";
import { times } from "../spread.ts";
import type { Subject } from "../subjects.ts";

/** Starts of which the fastest counts: what a start waits for is mostly somebody else. */
const STARTS = 3;

const ways = ["plain", "untested", "again"] as const;
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
  about: `Milliseconds, the fastest of ${STARTS} starts. session: ONNX Runtime's own session creation, from the model in memory · process: that of a process with nothing else, from its start · opened: from a compiled bundle on disk to the first execution, inference process included · again: the same with the self-test of a program that has passed it before, after which an executor takes jobs · first: with the whole self-test, once for each program and machine.`,
  async measure(context) {
    const measured: ModelStart[] = [];
    for (const subject of context.subjects) {
      context.note(`start: ${subject.name}`);
      measured.push(await measureStart(subject, context));
    }
    return measured;
  },
  tables: (measured) => [
    {
      caption: "",
      header: ["model", "session", "process", "opened", "÷ session", "process, opened", "÷ process", "process, again", "÷ process", "first"],
      rows: measured.map(({ model, first, ready: { plain, untested, again } }) => [
        model,
        plain.session.toFixed(0),
        plain.sinceStart.toFixed(0),
        untested.session.toFixed(0),
        times(untested.session / plain.session),
        untested.sinceStart.toFixed(0),
        times(untested.sinceStart / plain.sinceStart),
        again.sinceStart.toFixed(0),
        times(again.sinceStart / plain.sinceStart),
        first.toFixed(0),
      ]),
    },
  ],
};

async function measureStart(subject: Subject, context: BenchContext): Promise<ModelStart> {
  return inFolder(async (folder) => {
    const file = path.join(folder, "plain.onnx");
    await writeFile(file, subject.plainBytes);
    const bundle = path.join(folder, "bundle");
    await writeBundle(bundle, await context.bundle(subject, "block"));
    const threads = String(context.threads);
    const started: Record<Way, () => Promise<ProcessReport>> = {
      plain: () => runProcess("plainProcess.ts", [file, threads, "0"]),
      untested: () => runProcess("servingProcess.ts", [bundle, threads, "0"]),
      again: () => runProcess("servingProcess.ts", [bundle, threads, "0", folder]),
    };
    const { sinceStart: first } = await started.again();
    const reports = new Map<Way, ProcessReport[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < STARTS; round++) for (const way of ways) reports.get(way)?.push(await started[way]());
    const fastest = (way: Way): Pick<ProcessReport, "sinceStart" | "session"> => ({
      sinceStart: Math.min(...(reports.get(way) ?? []).map(({ sinceStart }) => sinceStart)),
      session: Math.min(...(reports.get(way) ?? []).map(({ session }) => session)),
    });
    return { model: subject.name, first, ready: { plain: fastest("plain"), untested: fastest("untested"), again: fastest("again") } };
  });
}
