import { colour, line, picture, rectangle, text } from "./svg.ts";

export interface StackPlot {
  title: string;
  parts: readonly string[];
  /** One value for each of the parts; bars are drawn as shares of their sums. */
  bars: readonly { label: string; values: readonly number[] }[];
}

const area = { left: 170, top: 64, right: 40, width: 440, bar: 22, gap: 10 };
/** Names of parts in one line. */
const PER_LINE = 5;

/** Horizontal bars that are divided into shares. */
export function plotStacks({ title, parts, bars }: StackPlot): string {
  const step = area.bar + area.gap;
  const first = area.top + (Math.ceil(parts.length / PER_LINE) - 1) * 18;
  const bottom = first + bars.length * step;
  const atX = (share: number): number => area.left + share * area.width;
  return picture(area.left + area.width + area.right, bottom + 48, title, [
    ...parts.flatMap((name, at) => [rectangle(area.left + (at % PER_LINE) * 88, 34 + Math.floor(at / PER_LINE) * 18, 10, 10, colour(at)), text(area.left + (at % PER_LINE) * 88 + 16, 44 + Math.floor(at / PER_LINE) * 18, name)]),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [line(atX(share), first, atX(share), bottom, "grid"), text(atX(share), bottom + 18, `${share * 100} %`, "middle")]),
    line(area.left, bottom, area.left + area.width, bottom, "axis"),
    text(area.left + area.width / 2, bottom + 38, "share of the time of a job", "middle"),
    ...bars.flatMap(({ label, values }, at) => {
      const sum = values.reduce((a, b) => a + b, 0);
      const top = first + at * step + area.gap / 2;
      let before = 0;
      return [
        text(area.left - 10, top + area.bar / 2 + 4, label, "end"),
        ...values.map((value, i) => {
          const from = atX(before / sum);
          before += Math.max(0, value);
          return rectangle(from, top, Math.max(0, atX(before / sum) - from), area.bar, colour(i));
        }),
      ];
    }),
  ]);
}
