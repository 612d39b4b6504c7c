import { addReport, emptyReport, type StepReport } from "./examineStep.ts";
import type { Examination } from "./examineBackEnd.ts";

export interface HonestResults {
  machine: string;
  examinations: readonly Examination[];
  missing: readonly { model: string; reason: string }[];
}

/** The tables of the experiment in Markdown. */
export function honestReport({ machine, examinations, missing }: HonestResults): string {
  const ran = examinations.filter(({ failure }) => failure === undefined);
  const models = unique(ran.map(({ model }) => model));
  const families = unique(ran.map(({ family }) => family));
  const lines = [`Measured on: ${machine}.`, ""];

  lines.push("| model | executions | elements looked at | differ from the reference | largest margin | fraud |", "|---|--:|--:|--:|--:|--:|");
  for (const model of models) {
    const rows = ran.filter((row) => row.model === model);
    const looked = sum(rows, ({ looked }) => looked);
    lines.push(`| ${model} | ${rows.length} | ${number(looked)} | ${share(sum(rows, ({ differing }) => differing), sum(rows, elementsIn))} | ${ratio(largestOf(rows))} | ${number(sum(rows, ({ fraud }) => fraud))} |`);
  }

  lines.push("", "Margins, without the known faults:", "", "| back end | step kind | elements | by the judge | < 0.01 | < 0.1 | < 0.5 | ≤ 1 | > 1 | largest | fraud |", "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
  for (const family of families) {
    const kinds = new Map<string, StepReport>();
    for (const row of ran.filter((one) => one.family === family && !one.named)) {
      for (const [kind, report] of Object.entries(row.kinds)) {
        const total = kinds.get(kind) ?? emptyReport();
        addReport(total, report);
        kinds.set(kind, total);
      }
    }
    for (const [kind, { looked, judged, bins, largest, fraud }] of kinds) {
      lines.push(`| ${family} | ${kind} | ${number(looked)} | ${number(judged)} | ${bins.map((n) => number(n)).join(" | ")} | ${ratio(largest)} | ${number(fraud)} |`);
    }
  }

  const alarms = ran.flatMap(({ model, backEnd, named, alarms: list }) => list.map((alarm) => ({ model, backEnd, named, ...alarm })));
  if (alarms.length > 0) {
    lines.push("", "Fraud:", "", "| model | back end | input | step | elements | worst element | claimed | sound from | to | margin |", "|---|---|---|---|--:|--:|--:|--:|--:|--:|");
    for (const { model, backEnd, named, input, step, nodes, count, element, claimed, lo, hi, margin } of alarms) {
      lines.push(`| ${model}${named ? " (known fault)" : ""} | ${backEnd} | ${input} | ${step} (${nodes.join(", ")}) | ${number(count)} | ${element} | ${claimed} | ${lo} | ${hi} | ${ratio(margin)} |`);
    }
  }
  const failures = examinations.filter(({ failure }) => failure !== undefined);
  lines.push("");
  for (const model of models) {
    const refused = ran.find((row) => row.model === model && row.unjudged.length > 0)?.unjudged ?? [];
    if (refused.length > 0) lines.push(`- ${model}: ${refused.length} steps were left out because the judge does not decide them yet (${unique(refused.map(({ kind, code }) => `${kind}: ${code}`)).join(", ")}).`);
  }
  for (const { model, failure } of failures) lines.push(`- ${model}: ${failure}`);
  for (const { model, reason } of missing) lines.push(`- ${model}: not looked at. ${reason}`);
  return `${lines.join("\n")}\n`;
}

function elementsIn({ kinds }: Examination): number {
  return sum(Object.values(kinds), ({ elements }) => elements);
}

function largestOf(rows: readonly Examination[]): number {
  return Math.max(0, ...rows.map(({ largest }) => largest));
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}

function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** Three significant digits. */
function ratio(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "∞";
}
