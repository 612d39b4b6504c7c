import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { commitTensors } from "../../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { checkTrace } from "../../../runtime/verification/checkTrace.ts";
import { DEFAULT_TOLERANCE } from "../../../watcher/options.ts";
import { inFolder } from "../inFolder.ts";
import { laneOf } from "../measureLoops.ts";
import { openBench } from "../openBench.ts";
import { processorTime } from "../processorTime.ts";
import type { BenchContext, Section, Table } from "../section.ts";
import { seededBytes } from "../seededBytes.ts";
import { serveTrace } from "../serveTrace.ts";
import { median, times, type Spread } from "../spread.ts";
import type { Subject } from "../subjects.ts";
import { timeLoops, type Loop, type LoopTime } from "../timeLoops.ts";
import { timeStages, type Stage } from "../timeStages.ts";

/** What a watcher does of a job, each including the one before it where that is part of it. */
const parts = ["equal", "again", "check", "whole"] as const;
type Part = (typeof parts)[number];
/** What is done with jobs in flight. */
const lanes = ["equal/1", "equal/16", "check/1", "check/16", "whole/1", "whole/16"] as const;
type Lane = (typeof lanes)[number];
/** Rounds in steady state, at most: each is a slice, not one run. */
const ROUNDS = 11;

/** What a check found. */
interface Looked {
  differing: number;
  judged: number;
  opened: number;
  /** Whether both executions have the same bits here. */
  same: boolean;
}

export interface ModelCheck {
  model: string;
  plain: Spread;
  granularities: Record<Granularity, Looked & { times: Record<Part, Spread> }>;
  /** Granularity block, run after run without a pause. */
  steady: { plain: LoopTime; lanes: Record<Lane, LoopTime> };
}

/** What a watcher does whose floats are not the executor's. */
export const otherFloats: Section<ModelCheck[]> = {
  name: "other-floats",
  title: "A watcher with other floats",
  about: `An executor at level \`disabled\` on one thread has committed; its trace is fetched over loopback from a process of its own, with all that libp2p does, and every border is checked, ÷ plain ONNX Runtime. equal: the watcher's own execution, whose roots are compared: all that a watcher with the executor's floats does · again: the trace is fetched and all blocks are run once more · check: blocks whose inputs are the watcher's own are not run again, which is what a watcher does · whole: check and the own execution before it · quiet: of the first deciles. Blocks beyond the tolerance are looked into, step by step. bits: where both executions have the same, a watcher would fetch nothing; by blocks, one number of each posted tensor is then moved by its last bit, so that all is fetched, compared and run again as with other floats; by layer only the list is fetched. In flight: so many jobs at any time, in a loop without a pause, ÷ plain ONNX Runtime in such a loop; traces of one executor are fetched together. processor: of all processes, both ends of the transfer included.`,
  async measure(context) {
    const measured: ModelCheck[] = [];
    for (const subject of context.subjects) {
      context.note(`other floats: ${subject.name}`);
      measured.push(await measureCheck(subject, context));
    }
    return measured;
  },
  tables: (measured) => [...granularities.map((granularity) => turns(measured, granularity)), steady(measured)],
};

function turns(measured: readonly ModelCheck[], granularity: Granularity): Table {
  const ratio = (one: ModelCheck, part: Part, of: keyof Spread): number => one.granularities[granularity].times[part][of] / one.plain[of];
  const columns = [...parts.map((part) => ({ name: part as string, of: (one: ModelCheck) => ratio(one, part, "median") })), ...parts.map((part) => ({ name: `${part}, quiet`, of: (one: ModelCheck) => ratio(one, part, "low") }))];
  return {
    caption: `One job at a time, granularity ${granularity}`,
    header: ["model", "plain ms", ...columns.map(({ name }) => name), "blocks opened", "elements judged", "bits"],
    rows: [
      ...measured.map((one) => [one.model, one.plain.median.toFixed(3), ...columns.map(({ of }) => times(of(one))), String(one.granularities[granularity].opened), String(one.granularities[granularity].judged), one.granularities[granularity].same ? "same" : "other"]),
      ["median", "", ...columns.map(({ of }) => times(median(measured.map(of)))), "", "", ""],
    ],
  };
}

function steady(measured: readonly ModelCheck[]): Table {
  const columns: { name: string; of(one: ModelCheck): number }[] = [
    ...lanes.map((lane) => ({ name: lane.replace("/", ", "), of: ({ steady: { plain, lanes } }: ModelCheck) => lanes[lane].milliseconds.median / plain.milliseconds.median })),
    ...(["equal/16", "check/16", "whole/16"] as const).flatMap((lane) => [
      { name: `${lane.replace("/", ", ")}, quiet`, of: ({ steady: { plain, lanes } }: ModelCheck) => lanes[lane].milliseconds.low / plain.milliseconds.low },
      { name: `${lane.replace("/", ", ")}, processor`, of: ({ steady: { plain, lanes } }: ModelCheck) => lanes[lane].processor / plain.processor },
    ]),
  ];
  return {
    caption: "Jobs in flight, granularity block",
    header: ["model", "plain ms", ...columns.map(({ name }) => name)],
    rows: [...measured.map((one) => [one.model, one.steady.plain.milliseconds.median.toFixed(3), ...columns.map(({ of }) => times(of(one)))]), ["median", "", ...columns.map(({ of }) => times(median(measured.map(of))))]],
  };
}

async function measureCheck(subject: Subject, context: BenchContext): Promise<ModelCheck> {
  return openBench(context.threads, async ({ inference, hasher, plain, children, onClose }) => {
    const servers: number[] = [];
    const run = await plain(subject, (await context.bundle(subject, "layer")).program);
    const stages: Record<string, Stage> = { plain: run };
    const loops: Record<string, Loop> = { plain: { jobs: 1, run } };
    const last = {} as Record<Granularity, Looked>;
    for (const granularity of granularities) {
      const bundle = await context.bundle(subject, granularity);
      const { program } = bundle;
      const loaded = prepareProgram(bundle, inference, hasher);
      const inputs = await commitTensors(program.inputs.map((spec) => seededBytes(spec)), hasher);
      const first = await loaded.execute(inputs);
      const served = await inFolder(async (folder) => {
        await writeBundle(folder, bundle);
        return serveTrace(folder, first.traceRoot, granularity === "block");
      });
      const { same } = served;
      servers.push(served.pid);
      onClose(() => served.close());
      const check = async (own: Trace, reuse: boolean): Promise<void> => {
        const { trace, inner } = await served.fetch(program, own.tensors);
        const report = await checkTrace(loaded, own.inputs, trace, { inner, tolerance: DEFAULT_TOLERANCE, ...(reuse ? { own: own.tensors } : {}) });
        if (report.finding !== undefined) throw new Error("an honest trace was called fraud");
        last[granularity] = { differing: report.differing, judged: report.judged, opened: report.opened.length, same };
      };
      const equal = async (): Promise<void> => {
        if ((await loaded.execute(inputs)).traceRoot !== first.traceRoot) throw new Error("two executions of one machine differ");
      };
      const stage: Record<Part, () => Promise<void>> = { equal, again: () => check(first, false), check: () => check(first, true), whole: async () => check(await loaded.execute(inputs), true) };
      for (const part of parts) stages[`${granularity}/${part}`] = stage[part];
      // By layer, each check judges thousands of elements: several at a time would only take several times as long.
      if (granularity === "layer") continue;
      for (const lane of lanes) {
        const [part, width] = lane.split("/") as [Part, string];
        loops[lane] = await laneOf(Number(width), stage[part]);
      }
    }
    const spreads = await timeStages(stages, context.rounds);
    const measured = await timeLoops(loops, Math.min(ROUNDS, context.rounds), () => processorTime([...children, ...servers]));
    const of = (granularity: Granularity): ModelCheck["granularities"][Granularity] => ({ times: Object.fromEntries(parts.map((part) => [part, spreads[`${granularity}/${part}`] as Spread])) as Record<Part, Spread>, ...last[granularity] });
    return { model: subject.name, plain: spreads["plain"] as Spread, granularities: { block: of("block"), layer: of("layer") }, steady: { plain: measured["plain"] as LoopTime, lanes: Object.fromEntries(lanes.map((lane) => [lane, measured[lane] as LoopTime])) as Record<Lane, LoopTime> } };
  });
}
