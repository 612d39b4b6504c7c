import { explanationOf } from "./explained.ts";
import type { Mutant } from "./findMutants.ts";
import type { Fate } from "./openFates.ts";

/** Killed by file and by kind of change, and every survivor, with the reason where there is one, in Markdown. */
export function mutationReport(fates: readonly (Fate & { mutant: Mutant })[], total: number): string {
  const row = (name: string, some: typeof fates): string => {
    const killed = some.filter(({ by }) => by !== undefined).length;
    return `| ${name} | ${some.length} | ${killed} | ${((100 * killed) / some.length).toFixed(1)} % |`;
  };
  const grouped = (key: (mutant: Mutant) => string): string[] => [...Map.groupBy(fates, ({ mutant }) => key(mutant))].sort(([a], [b]) => a.localeCompare(b)).map(([name, some]) => row(name, some));
  const survivors = fates.filter(({ by }) => by === undefined);
  const unexplained = survivors.filter(({ mutant }) => explanationOf(mutant) === undefined);
  const unasked = unexplained.filter(({ thorough }) => thorough !== true).length;
  const oneLine = (text: string): string => text.replace(/\s+/g, " ");
  const lines = [
    `${fates.length} of ${total} mutants tried.${unasked === 0 ? "" : ` Of the survivors without an explanation ${unasked} were put before quick tests only.`}`,
    "",
    "| file | tried | killed | share |",
    "|---|--:|--:|--:|",
    ...grouped(({ file }) => file),
    row("all", fates),
    "",
    "| kind of change | tried | killed | share |",
    "|---|--:|--:|--:|",
    ...grouped(({ kind }) => kind),
    "",
    survivors.length === 0 ? "None survived." : `Survivors: ${survivors.length}, ${survivors.length - unexplained.length} of them explained.`,
    "",
    ...survivors.map(({ mutant }) => {
      const { id, file, line, kind, before, after } = mutant;
      return `- \`${file}:${line}\` ${kind}: \`${oneLine(before)}\` → \`${after === "" ? "nothing" : oneLine(after)}\` (#${id})${explanationOf(mutant) === undefined ? "" : `: ${explanationOf(mutant)}`}`;
    }),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
