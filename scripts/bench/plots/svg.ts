/** Colours that are told apart on light and on dark ground, and by people who confuse red and green (Okabe and Ito). */
export const palette = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#999999", "#f0e442", "#8c6d31"] as const;

export const colour = (at: number): string => palette[at % palette.length] as string;

/** A picture: text and axes are dark on light ground, and light where the reader's setting is dark. */
export function picture(width: number, height: number, title: string, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">`,
    `<style>text{font:12px sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.axis{stroke:#57606a;stroke-width:1}.grid{stroke:#8c959f;stroke-opacity:.35;stroke-width:1}@media (prefers-color-scheme:dark){text{fill:#e6edf3}.axis{stroke:#9198a1}}</style>`,
    text(width / 2, 20, title, "middle", "title"),
    ...content,
    `</svg>`,
    ``,
  ].join("\n");
}

export function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end" = "start", kind = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${kind === "" ? "" : ` class="${kind}"`}>${escape(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: "axis" | "grid"): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${kind}"/>`;
}

export function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;
}

/** Two decimals: files that differ by nothing that anybody sees would differ in every line. */
export function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escape(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Round numbers from at most `low` to at least `high`, on a logarithmic scale: 1, 2 and 5 times powers of ten, thinned out where there are many. */
export function logarithmicTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  const first = Math.floor(Math.log10(low));
  for (let power = first; 10 ** power <= high * 10; power++) for (const step of [1, 2, 5]) ticks.push(Number((step * 10 ** power).toPrecision(1)));
  const from = Math.max(0, ticks.findLastIndex((tick) => tick <= low));
  const to = ticks.findIndex((tick) => tick >= high);
  const kept = ticks.slice(from, to + 1);
  return kept.length > 10 ? [...kept.filter((tick) => Number.isInteger(Math.log10(tick))), kept.at(-1) as number].filter((tick, at, all) => all.indexOf(tick) === at) : kept;
}

/** Numbers as people write them: 0.05, 3, 2 500, 1.2M. */
export function short(value: number): string {
  if (value >= 1e9) return `${round(value / 1e9)}G`;
  if (value >= 1e6) return `${round(value / 1e6)}M`;
  if (value >= 1e4) return `${round(value / 1e3)}k`;
  return String(Number(value.toPrecision(3)));
}
