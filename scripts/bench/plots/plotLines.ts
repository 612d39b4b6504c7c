import { colour, line, logarithmicTicks, picture, round, short, text } from "./svg.ts";

export interface LinePlot {
  title: string;
  /** Both axes are logarithmic. */
  x: { label: string; values: readonly number[] };
  y: { label: string };
  /** One value for each of `x.values`; what is not finite is left out. */
  lines: readonly { label: string; values: readonly number[] }[];
}

const area = { left: 64, top: 40, right: 200, bottom: 52, width: 420, height: 280 };

/** Lines over positive numbers, with a legend. */
export function plotLines({ title, x, y, lines }: LinePlot): string {
  const all = lines.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && value > 0);
  const ticks = logarithmicTicks(Math.min(...all), Math.max(...all));
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number];
  const [first, last] = [Math.min(...x.values), Math.max(...x.values)];
  const atX = (value: number): number => area.left + (first === last ? area.width / 2 : (Math.log(value / first) / Math.log(last / first)) * area.width);
  const atY = (value: number): number => area.top + area.height - (low === high ? 0.5 : Math.log(value / low) / Math.log(high / low)) * area.height;
  const bottom = area.top + area.height;
  return picture(area.left + area.width + area.right, bottom + area.bottom, title, [
    ...ticks.flatMap((tick) => [line(area.left, atY(tick), area.left + area.width, atY(tick), "grid"), text(area.left - 8, atY(tick) + 4, short(tick), "end")]),
    ...x.values.flatMap((value) => [line(atX(value), bottom, atX(value), bottom + 5, "axis"), text(atX(value), bottom + 19, short(value), "middle")]),
    line(area.left, bottom, area.left + area.width, bottom, "axis"),
    line(area.left, area.top, area.left, bottom, "axis"),
    text(area.left + area.width / 2, bottom + 40, x.label, "middle"),
    text(area.left - 56, area.top - 10, y.label),
    ...lines.flatMap(({ label, values }, at) => {
      const points = values.flatMap((value, i) => (Number.isFinite(value) && value > 0 ? [[atX(x.values[i] as number), atY(value)] as const] : []));
      const legend = area.top + 12 + at * 20;
      return [
        `<polyline fill="none" stroke="${colour(at)}" stroke-width="2" points="${points.map(([px, py]) => `${round(px)},${round(py)}`).join(" ")}"/>`,
        ...points.map(([px, py]) => `<circle cx="${round(px)}" cy="${round(py)}" r="3" fill="${colour(at)}"/>`),
        `<circle cx="${area.left + area.width + 20}" cy="${legend - 4}" r="5" fill="${colour(at)}"/>`,
        text(area.left + area.width + 32, legend, label),
      ];
    }),
  ]);
}
