import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { commitTensors, commitTrace } from "../../../runtime/inference/commitTrace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { openBench } from "../openBench.ts";
import { plotBars } from "../plots/plotBars.ts";
import type { BenchContext, Section, Table } from "../section.ts";
import { seededFeeds } from "../seededBytes.ts";
import { median, times, type Spread } from "../spread.ts";
import type { Subject } from "../subjects.ts";
import { timeStages, type Stage } from "../timeStages.ts";

/** What is timed of each granularity. */
const committed = ["traced", "hashing", "commit"] as const;
type Committed = (typeof committed)[number];

interface GranularityOverhead {
  steps: number;
  blocks: number;
  postedTensors: number;
  postedBytes: number;
  milliseconds: Record<Committed, Spread>;
}

export interface ModelOverhead {
  model: string;
  /** ONNX Runtime in this process, by number of threads. */
  plain: Record<number, Spread>;
  /** The same graph in the inference process, as a service without commitments would run it. */
  served: Spread;
  granularities: Record<Granularity, GranularityOverhead>;
}

/** What one job costs that comes alone: latency. */
export const overhead: Section<ModelOverhead[]> = {
  name: "overhead",
  title: "One job at a time",
  about:
    "Time from the inputs to the commitment of a job that comes alone, ÷ plain ONNX Runtime in this process at the number of threads at which it is fastest. served: the plain graph in the inference process · traced: the executable graph there · hashing: roots of the posted tensors · commit: traced and hashed · quiet: of the first deciles.",
  async measure(context) {
    const measured: ModelOverhead[] = [];
    for (const subject of context.subjects) {
      context.note(`overhead: ${subject.name}`);
      measured.push(await measureOverhead(subject, context));
    }
    return measured;
  },
  tables: (measured) => granularities.map((granularity) => tableOf(measured, granularity)),
  plots: (measured) => [
    {
      file: "overhead.svg",
      svg: plotBars({ title: "Cost of one job at a time", label: "÷ plain ONNX Runtime", series: ["served", ...granularities], groups: measured.map((one) => ({ label: one.model, values: [one.served.median / best(one, "median"), ...granularities.map((granularity) => ratio(one, granularity, "commit"))] })) }),
    },
  ],
};

/** Times the stages of one model. */
async function measureOverhead(subject: Subject, context: BenchContext): Promise<ModelOverhead> {
  return openBench(context.threads, async ({ inference, hasher, plain }) => {
    const { program } = await context.bundle(subject, "layer");
    const threads = [...new Set([1, context.threads])];
    const stages: Record<string, Stage> = {};
    for (const count of threads) stages[`plain/${count}`] = await plain(subject, program, count);
    await inference.load("plain", subject.plainBytes);
    const feeds = seededFeeds(program.inputs);
    stages["served"] = () => inference.run("plain", feeds);
    const sizes = {} as Record<Granularity, Omit<GranularityOverhead, "milliseconds">>;
    for (const granularity of granularities) {
      const bundle = await context.bundle(subject, granularity);
      const loaded = prepareProgram(bundle, inference, hasher);
      // Inputs are hashed where a job comes in, and not again by the run.
      const inputs = await commitTensors(Object.values(feeds).map(({ bytes }) => bytes), hasher);
      const own = await loaded.execute(inputs);
      const tensors = own.tensors.map(({ bytes }) => bytes);
      stages[`${granularity}/traced`] = () => inference.run(`trace/${bundle.program.root}`, feeds);
      stages[`${granularity}/hashing`] = () => commitTrace(bundle.program, inputs, tensors, hasher);
      stages[`${granularity}/commit`] = async () => {
        if ((await loaded.execute(inputs)).traceRoot !== own.traceRoot) throw new Error("two executions of one machine differ");
      };
      sizes[granularity] = { steps: bundle.program.steps.length, blocks: bundle.program.blocks.length, postedTensors: tensors.length, postedBytes: tensors.reduce((sum, { length }) => sum + length, 0) };
    }
    const spreads = await timeStages(stages, context.rounds);
    const of = (stage: string): Spread => spreads[stage] as Spread;
    const measured = (granularity: Granularity): GranularityOverhead => ({
      ...sizes[granularity],
      milliseconds: Object.fromEntries(committed.map((stage) => [stage, of(`${granularity}/${stage}`)])) as Record<Committed, Spread>,
    });
    return { model: subject.name, plain: Object.fromEntries(threads.map((count) => [count, of(`plain/${count}`)])), served: of("served"), granularities: { block: measured("block"), layer: measured("layer") } };
  });
}

function tableOf(measured: readonly ModelOverhead[], granularity: Granularity): Table {
  return {
    caption: `Granularity ${granularity}`,
    header: ["model", "plain ms", "served", ...committed, "quiet", "steps", "blocks", "posted"],
    rows: [...measured.map((one) => rowOf(one, granularity)), ["median", "", times(median(measured.map((one) => one.served.median / best(one, "median")))), ...committed.map((stage) => times(median(measured.map((one) => ratio(one, granularity, stage))))), times(median(measured.map((one) => quiet(one, granularity))))]],
  };
}

function rowOf(one: ModelOverhead, granularity: Granularity): string[] {
  const { steps, blocks, postedTensors, postedBytes } = one.granularities[granularity];
  return [
    one.model,
    best(one, "median").toFixed(3),
    times(one.served.median / best(one, "median")),
    ...committed.map((stage) => times(ratio(one, granularity, stage))),
    times(quiet(one, granularity)),
    String(steps),
    String(blocks),
    `${postedTensors} of ${(postedBytes / 1024).toFixed(1)} KiB`,
  ];
}

function best({ plain }: ModelOverhead, of: keyof Spread): number {
  return Math.min(...Object.values(plain).map((spread) => spread[of]));
}

function ratio(one: ModelOverhead, granularity: Granularity, stage: Committed): number {
  return one.granularities[granularity].milliseconds[stage].median / best(one, "median");
}

/** The ratio of the first deciles: of what both take when nothing else is at work. */
function quiet(one: ModelOverhead, granularity: Granularity): number {
  return one.granularities[granularity].milliseconds.commit.low / best(one, "low");
}
