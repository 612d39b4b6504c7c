import { colour, line, logarithmicTicks, picture, rectangle, short, text } from "./svg.ts";

export interface BarPlot {
  title: string;
  /** What the length of a bar is; the axis is logarithmic and begins at 1 or below. */
  label: string;
  series: readonly string[];
  /** One value for each of the series. */
  groups: readonly { label: string; values: readonly number[] }[];
}

const area = { left: 170, top: 64, right: 64, width: 420, bar: 14, gap: 12 };

/** Groups of horizontal bars, each with its value. */
export function plotBars({ title, label, series, groups }: BarPlot): string {
  const all = groups.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && value > 0);
  const ticks = logarithmicTicks(Math.min(1, ...all), Math.max(2, ...all));
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number];
  const atX = (value: number): number => area.left + (Math.log(value / low) / Math.log(high / low)) * area.width;
  const step = series.length * area.bar + area.gap;
  const bottom = area.top + groups.length * step;
  return picture(area.left + area.width + area.right, bottom + 48, title, [
    ...series.flatMap((name, at) => [rectangle(area.left + at * 130, 34, 10, 10, colour(at)), text(area.left + at * 130 + 16, 44, name)]),
    ...ticks.flatMap((tick) => [line(atX(tick), area.top, atX(tick), bottom, "grid"), text(atX(tick), bottom + 18, short(tick), "middle")]),
    line(area.left, bottom, area.left + area.width, bottom, "axis"),
    text(area.left + area.width / 2, bottom + 38, label, "middle"),
    ...groups.flatMap((group, at) => {
      const top = area.top + at * step + area.gap / 2;
      return [
        text(area.left - 10, top + (series.length * area.bar) / 2 + 4, group.label, "end"),
        ...group.values.flatMap((value, i) => (Number.isFinite(value) && value > 0 ? [rectangle(area.left, top + i * area.bar, Math.max(1, atX(value) - area.left), area.bar - 2, colour(i)), text(atX(value) + 5, top + (i + 1) * area.bar - 4, short(value))] : [])),
      ];
    }),
  ]);
}
