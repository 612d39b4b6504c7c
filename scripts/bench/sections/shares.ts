import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { commitTensors, commitTrace } from "../../../runtime/inference/commitTrace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { openBench } from "../openBench.ts";
import { plotStacks } from "../plots/plotStacks.ts";
import type { BenchContext, Section } from "../section.ts";
import { seededFeeds } from "../seededBytes.ts";
import { spreadOf, type Spread } from "../spread.ts";
import type { Subject } from "../subjects.ts";

/** What a job goes through, in this order. */
const stages = ["input", "run", "transfer", "hashing", "commit"] as const;
type Stages = Record<(typeof stages)[number], Spread>;

interface ModelStages {
  model: string;
  granularities: Record<Granularity, Stages>;
}

/** Where the time of one job goes. */
export const shares: Section<ModelStages[]> = {
  name: "stages",
  title: "Where the time of a job goes",
  about:
    "Medians in milliseconds of one job at a time. input: hashing the inputs, where the job comes in · run: inside ONNX Runtime, posted tensors written · transfer: to the inference process and back, with its wake-ups · hashing: roots of the posted tensors · commit: list roots over them. All of them overlap with those of other jobs.",
  async measure(context) {
    const measured: ModelStages[] = [];
    for (const subject of context.subjects) {
      context.note(`stages: ${subject.name}`);
      measured.push(await measureStages(subject, context));
    }
    return measured;
  },
  tables: (measured) =>
    granularities.map((granularity) => ({
      caption: `Granularity ${granularity}`,
      header: ["model", ...stages, "sum"],
      rows: measured.map((one) => {
        const medians = stages.map((stage) => one.granularities[granularity][stage].median);
        const sum = medians.reduce((a, b) => a + b, 0);
        return [one.model, ...medians.map((value) => `${value.toFixed(3)} (${Math.round((value / sum) * 100)} %)`), sum.toFixed(3)];
      }),
    })),
  plots: (measured) =>
    granularities.map((granularity) => ({
      file: `stages-${granularity}.svg`,
      svg: plotStacks({
        title: `Share of each stage of a job, granularity ${granularity}`,
        parts: stages,
        bars: measured.map((one) => ({ label: one.model, values: stages.map((stage) => one.granularities[granularity][stage].median) })),
      }),
    })),
};

async function measureStages(subject: Subject, context: BenchContext): Promise<ModelStages> {
  return openBench(context.threads, async ({ inference, hasher }) => {
    const measured = {} as Record<Granularity, Stages>;
    for (const granularity of granularities) {
      const bundle = await context.bundle(subject, granularity);
      const loaded = prepareProgram(bundle, inference, hasher);
      const feeds = seededFeeds(bundle.program.inputs);
      const key = `trace/${bundle.program.root}`;
      const bytes = Object.values(feeds).map((feed) => feed.bytes);
      const times: Record<keyof Stages, number[]> = { input: [], run: [], transfer: [], hashing: [], commit: [] };
      await loaded.execute(bytes);
      for (let round = -2; round < context.rounds; round++) {
        const clock = stopwatch();
        const inputs = await commitTensors(bytes, hasher);
        const input = clock();
        const results = await inference.run(key, feeds);
        const traced = clock();
        const tensors = await commitTensors(bundle.program.trace.map((_, i) => results[`trace:${i}`]?.bytes as Uint8Array), hasher);
        const hashing = clock();
        await commitTrace(bundle.program, inputs, tensors, hasher);
        const commit = clock();
        const run = inference.took(key) ?? Number.NaN;
        if (round >= 0) for (const [stage, value] of Object.entries({ input, run, transfer: traced - run, hashing, commit })) times[stage as keyof Stages].push(value);
      }
      measured[granularity] = Object.fromEntries(stages.map((stage) => [stage, spreadOf(times[stage])])) as Stages;
    }
    return { model: subject.name, granularities: measured };
  });
}

/** Milliseconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const passed = now - last;
    last = now;
    return passed;
  };
}
