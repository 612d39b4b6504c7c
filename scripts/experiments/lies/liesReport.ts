import type { Program } from "../../../protocol/program/types.ts";
import type { AttackReport } from "./attackBounds.ts";
import type { BitReport } from "./flipBits.ts";
import type { LieReport } from "./tellLies.ts";

/** All that the experiment found about one model. */
export interface LiesResults {
  model: string;
  program: Program;
  lies: readonly LieReport[];
  bits: readonly BitReport[];
  attack: AttackReport;
}

/** The tables of the experiment in Markdown. */
export function liesReport(results: readonly LiesResults[]): string {
  return results.map(({ model, program, lies, bits, attack }) => [`## ${model}`, "", ...steps(program, attack), "", "### Lies", "", ...liesTable(lies), "", "### One flipped bit", "", ...bitsTable(bits), "", "### Inside the bounds", "", ...attackLines(attack), ""].join("\n")).join("\n");
}

function steps(program: Program, { steps: slack }: AttackReport): string[] {
  const rows = program.steps.map((step, index) => {
    const { medianSlack, largestSlack, rmsSlack, reach } = slack[index]!;
    return `| ${index} | ${program.nodes[index]?.join(" → ") ?? ""} | ${step.result.shape.join("×")} | ${step.reduce.join("×") || "–"} | ${tiny(medianSlack)} | ${tiny(largestSlack)} | ${tiny(rmsSlack)} | ${tiny(reach)} |`;
  });
  return ["| step | nodes | result | terms | slack ÷ largest, median | slack ÷ largest, worst | slack ÷ rms, worst | reach |", "|--:|---|---|---|--:|--:|--:|--:|", ...rows];
}

function liesTable(lies: readonly LieReport[]): string[] {
  const rows = lies.map(({ name, inputs, caught, firstSteps, unchanged, flips, failure }) => {
    if (failure !== undefined) return `| ${name} | – | – | – | ${failure} |`;
    const first = Object.entries(firstSteps).map(([step, count]) => (count === caught ? step : `${step} (${count})`)).join(", ");
    return `| ${name} | ${percent(caught, inputs)} | ${first || "–"} | ${unchanged} | ${flips} |`;
  });
  return ["| lie | caught | first step that convicts | traces it leaves unchanged | answers it changes |", "|---|--:|---|--:|--:|", ...rows];
}

/** One row a bit; neighbouring bits with the same shares share a row. */
function bitsTable(bits: readonly BitReport[]): string[] {
  const name = (bit: number): string => (bit === 31 ? "sign" : bit >= 23 ? `exponent ${bit - 23}` : `mantissa ${bit}`);
  const rows: { first: number; last: number; shares: string }[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const shares = bits.map(({ tried, caught }) => percent(caught[bit]!, tried[bit]!)).join(" | ");
    const before = rows.at(-1);
    if (before?.shares === shares) before.last = bit;
    else rows.push({ first: bit, last: bit, shares });
  }
  return [
    `| bit | ${bits.map(({ step }) => `step ${step}`).join(" | ")} |`,
    `|---|${"--:|".repeat(bits.length)}`,
    ...rows.map(({ first, last, shares }) => `| ${name(first)}${last > first ? ` to ${name(last)}` : ""} | ${shares} |`),
  ];
}

function attackLines({ inputs, flips, convicted, shift, relativeShift, leastGap, medianGap, noise, close }: AttackReport): string[] {
  return [
    "| | |", "|---|--:|",
    `| inputs | ${inputs} |`,
    `| top-1 answers changed | ${flips} |`,
    `| traces convicted (must be 0) | ${convicted + close.convicted} |`,
    `| shift of the gap between the two largest logits, median | ${tiny(shift.median)} |`,
    `| the same, largest | ${tiny(shift.largest)} |`,
    `| difference of the gap between two honest back ends (CPU, optimisation off and all), largest | ${tiny(noise)} |`,
    `| shift ÷ largest logit, median | ${tiny(relativeShift.median)} |`,
    `| shift ÷ largest logit, largest | ${tiny(relativeShift.largest)} |`,
    `| honest gap, median | ${tiny(medianGap)} |`,
    `| honest gap, least | ${tiny(leastGap)} |`,
    "",
    "Inputs next to a border between classes:", "",
    "| honest gap ÷ shift | inputs | answers changed |", "|---|--:|--:|",
    ...close.byGap.map(({ upTo, inputs: count, flips: changed }, i) => `| ${i === 0 ? "0" : close.byGap[i - 1]!.upTo} to ${upTo === Infinity ? "∞" : upTo} | ${count} | ${changed} |`),
  ];
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${Number(((100 * part) / whole).toFixed(1))} %`;
}

function tiny(value: number): string {
  return value === 0 ? "0" : value >= 0.001 && value < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(2);
}
