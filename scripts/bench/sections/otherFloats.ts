import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { commitTensors } from "../../../runtime/inference/commitTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { checkTrace } from "../../../runtime/verification/checkTrace.ts";
import { DEFAULT_TOLERANCE } from "../../../watcher/options.ts";
import { openBench } from "../openBench.ts";
import type { BenchContext, Section } from "../section.ts";
import { seededBytes } from "../seededBytes.ts";
import { serveTrace } from "../serveTrace.ts";
import { median, times, type Spread } from "../spread.ts";
import type { Subject } from "../subjects.ts";
import { timeStages, type Stage } from "../timeStages.ts";

/** What is timed of each granularity. */
const parts = ["again", "check", "whole", "flight"] as const;
type Part = (typeof parts)[number];
/** Jobs that are checked side by side in `flight`. */
const IN_FLIGHT = 8;

export interface ModelCheck {
  model: string;
  plain: Spread;
  granularities: Record<Granularity, { times: Partial<Record<Part, Spread>>; differing: number; judged: number; opened: number }>;
}

/** What a watcher does whose floats are not the executor's. */
export const otherFloats: Section<ModelCheck[]> = {
  name: "other-floats",
  title: "A watcher with other floats",
  about: `An executor at level \`disabled\` on one thread has committed; its trace is fetched over loopback, both ends in this process, and every border is checked, ÷ plain ONNX Runtime. again: all blocks are run once more · check: those whose inputs are the watcher's own are not, which is what a watcher does · whole: check and the watcher's own execution before it · in flight: the same, ${IN_FLIGHT} jobs at a time, for each · quiet: of the first deciles. Blocks beyond the tolerance are looked into, step by step.`,
  async measure(context) {
    const measured: ModelCheck[] = [];
    for (const subject of context.subjects) {
      context.note(`other floats: ${subject.name}`);
      measured.push(await measureCheck(subject, context));
    }
    return measured;
  },
  tables: (measured) =>
    granularities.map((granularity) => ({
      caption: `granularity ${granularity}`,
      header: ["model", "plain ms", "again", "check", "whole", "in flight", "check, quiet", "whole, quiet", "in flight, quiet", "blocks opened", "elements judged"],
      rows: [
        ...measured.map((one) => {
          const { opened, judged } = one.granularities[granularity];
          return [one.model, one.plain.median.toFixed(3), ...parts.map((part) => times(ratio(one, granularity, part))), ...quietParts.map((part) => times(ratio(one, granularity, part, "low"))), String(opened), String(judged)];
        }),
        ["median", "", ...parts.map((part) => times(median(measured.map((one) => ratio(one, granularity, part))))), ...quietParts.map((part) => times(median(measured.map((one) => ratio(one, granularity, part, "low"))))), "", ""],
      ],
    })),
};

/** By layer, each check judges thousands of elements: several at a time would only take several times as long. */
const partsOf = (granularity: Granularity): Part[] => parts.filter((part) => part !== "flight" || granularity === "block");
const quietParts = ["check", "whole", "flight"] as const;

function ratio(one: ModelCheck, granularity: Granularity, part: Part, of: "median" | "low" = "median"): number {
  return (one.granularities[granularity].times[part]?.[of] ?? Number.NaN) / one.plain[of];
}

async function measureCheck(subject: Subject, context: BenchContext): Promise<ModelCheck> {
  return openBench(context.threads, async ({ inference, hasher, plain, onClose }) => {
    const stranger = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: silentLogger() });
    onClose(() => stranger.stop());
    const stages: Record<string, Stage> = { plain: await plain(subject, (await context.bundle(subject, "layer")).program) };
    const last = {} as Record<Granularity, { differing: number; judged: number; opened: number }>;
    for (const granularity of granularities) {
      const bundle = await context.bundle(subject, granularity);
      const { program } = bundle;
      const loaded = prepareProgram(bundle, inference, hasher);
      const other = prepareProgram(bundle, stranger, hasher);
      const inputs = await commitTensors(program.inputs.map((spec) => seededBytes(spec)), hasher);
      const first = await loaded.execute(inputs);
      const served = await serveTrace(other, await other.execute(inputs));
      onClose(() => served.close());
      const check = async (own: Trace, reuse: boolean): Promise<void> => {
        const { trace, inner } = await served.fetch(program, own.tensors);
        const report = await checkTrace(loaded, own.inputs, trace, { inner, tolerance: DEFAULT_TOLERANCE, ...(reuse ? { own: own.tensors } : {}) });
        if (report.finding !== undefined) throw new Error("an honest trace was called fraud");
        last[granularity] = { differing: report.differing, judged: report.judged, opened: report.opened.length };
      };
      const whole = async (): Promise<void> => check(await loaded.execute(inputs), true);
      const stage: Record<Part, Stage> = { again: () => check(first, false), check: () => check(first, true), whole, flight: () => Promise.all(Array.from({ length: IN_FLIGHT }, whole)) };
      for (const part of partsOf(granularity)) stages[`${granularity}/${part}`] = stage[part];
    }
    const spreads = await timeStages(stages, context.rounds, { "block/flight": IN_FLIGHT });
    const measured = (granularity: Granularity): ModelCheck["granularities"][Granularity] => ({ times: Object.fromEntries(partsOf(granularity).map((part) => [part, spreads[`${granularity}/${part}`] as Spread])), ...last[granularity] });
    return { model: subject.name, plain: spreads["plain"] as Spread, granularities: { block: measured("block"), layer: measured("layer") } };
  });
}
