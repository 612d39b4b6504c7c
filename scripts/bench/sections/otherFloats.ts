import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { commitTensors } from "../../../runtime/inference/commitTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { checkTrace } from "../../../runtime/verification/checkTrace.ts";
import { DEFAULT_TOLERANCE } from "../../../watcher/options.ts";
import { openBench } from "../openBench.ts";
import type { BenchContext, Section } from "../section.ts";
import { bytesOfTensor, seededInput } from "../seededInput.ts";
import { serveTrace } from "../serveTrace.ts";
import { median, times, type Spread } from "../spread.ts";
import type { Subject } from "../subjects.ts";
import { timeStages, type Stage } from "../timeStages.ts";

export interface ModelCheck {
  model: string;
  plain: Spread;
  granularities: Record<Granularity, { check: Spread; differing: number; judged: number; opened: number }>;
}

/** What a watcher does whose floats are not the executor's. */
export const otherFloats: Section<ModelCheck[]> = {
  name: "other-floats",
  title: "A watcher with other floats",
  about: "An executor at level `disabled` on one thread has committed; its trace is fetched over loopback and every border is computed again, ÷ plain ONNX Runtime. Blocks beyond the tolerance are looked into, step by step.",
  async measure(context) {
    const measured: ModelCheck[] = [];
    for (const subject of context.subjects) {
      context.note(`other floats: ${subject.name}`);
      measured.push(await measureCheck(subject, context));
    }
    return measured;
  },
  tables: (measured) => [
    {
      caption: "",
      header: ["model", "plain ms", ...granularities.flatMap((granularity) => [granularity, "blocks opened", "elements judged"])],
      rows: [
        ...measured.map((one) => [one.model, one.plain.median.toFixed(3), ...granularities.flatMap((granularity) => [times(ratio(one, granularity)), String(one.granularities[granularity].opened), String(one.granularities[granularity].judged)])]),
        ["median", "", ...granularities.flatMap((granularity) => [times(median(measured.map((one) => ratio(one, granularity)))), "", ""])],
      ],
    },
  ],
};

function ratio(one: ModelCheck, granularity: Granularity): number {
  return one.granularities[granularity].check.median / one.plain.median;
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
      const inputs = await commitTensors(program.inputs.map((spec) => bytesOfTensor(seededInput(spec))), hasher);
      const own = await loaded.execute(inputs);
      const served = await serveTrace(other, await other.execute(inputs));
      onClose(() => served.close());
      stages[granularity] = async () => {
        const { trace, inner } = await served.fetch(program, own.tensors, hasher);
        const report = await checkTrace(loaded, own.inputs, trace, { inner, tolerance: DEFAULT_TOLERANCE });
        if (report.finding !== undefined) throw new Error("an honest trace was called fraud");
        last[granularity] = { differing: report.differing, judged: report.judged, opened: report.opened.length };
      };
    }
    const spreads = await timeStages(stages, context.rounds);
    const measured = (granularity: Granularity): ModelCheck["granularities"][Granularity] => ({ check: spreads[granularity] as Spread, ...last[granularity] });
    return { model: subject.name, plain: spreads["plain"] as Spread, granularities: { block: measured("block"), layer: measured("layer") } };
  });
}
