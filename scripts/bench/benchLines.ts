import { table } from "../../cli/output.ts";
import { granularities, type Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import { committedStages, type CommittedStage, type Measurement } from "./measureModel.ts";

/** The measurements for people: a table a granularity, each with the median over the models. */
export function benchLines(measured: readonly Measurement[]): string[] {
  return granularities.flatMap((granularity) => [...table(header(granularity), [...measured.map((one) => row(one, granularity)), medians(measured, granularity)]), ""]);
}

function header(granularity: Granularity): string[] {
  return [`granularity ${granularity}`, "plain ms", "served", ...committedStages, "commit ÷ served", "commit, quiet", "steps", "blocks", "posted", "looked into"];
}

function row(measurement: Measurement, granularity: Granularity): string[] {
  const { steps, blocks, postedTensors, postedBytes, opened } = measurement.granularities[granularity];
  return [
    measurement.model,
    measurement.plain.median.toFixed(2),
    times(measurement.served.median / measurement.plain.median),
    ...committedStages.map((stage) => times(ratio(measurement, granularity, stage))),
    times(ratio(measurement, granularity, "commit") / (measurement.served.median / measurement.plain.median)),
    times(quiet(measurement, granularity)),
    String(steps),
    String(blocks),
    `${postedTensors} of ${(postedBytes / 1024).toFixed(1)} KiB`,
    String(opened),
  ];
}

function medians(measured: readonly Measurement[], granularity: Granularity): string[] {
  const served = (one: Measurement): number => one.served.median / one.plain.median;
  return ["median", "", times(median(measured.map(served))), ...committedStages.map((stage) => times(median(measured.map((one) => ratio(one, granularity, stage))))), times(median(measured.map((one) => ratio(one, granularity, "commit") / served(one)))), times(median(measured.map((one) => quiet(one, granularity)))), "", "", "", ""];
}

function ratio({ plain, granularities: all }: Measurement, granularity: Granularity, stage: CommittedStage): number {
  return all[granularity].milliseconds[stage].median / plain.median;
}

/** The ratio of the first deciles: of what both take when nothing else is at work. */
function quiet({ plain, granularities: all }: Measurement, granularity: Granularity): number {
  return all[granularity].milliseconds.commit.low / plain.low;
}

/** Of an even number of values, the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function times(value: number): string {
  return `×${value.toFixed(2)}`;
}
