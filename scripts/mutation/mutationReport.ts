import type { Mutant } from "./findMutants.ts";

/** A mutant, and the test that noticed it. */
export interface Fate {
  mutant: Mutant;
  by: string | undefined;
}

/** Killed by file and by kind, and every survivor. */
export function mutationReport(fates: readonly Fate[], { total, seed }: { total: number; seed: number }): string {
  const row = (name: string, some: readonly Fate[]): string => {
    const killed = some.filter(({ by }) => by !== undefined).length;
    return `| ${name} | ${some.length} | ${killed} | ${((100 * killed) / some.length).toFixed(0)} % |`;
  };
  const grouped = (key: (fate: Fate) => string): string[] => [...Map.groupBy(fates, key)].sort(([a], [b]) => a.localeCompare(b)).map(([name, some]) => row(name, some));
  const survivors = fates.filter(({ by }) => by === undefined);
  const lines = [
    `${fates.length} of ${total} mutants, seed ${seed}.`,
    "",
    "| file | tried | killed | share |",
    "|---|--:|--:|--:|",
    ...grouped(({ mutant }) => mutant.file),
    row("all", fates),
    "",
    "| kind of change | tried | killed | share |",
    "|---|--:|--:|--:|",
    ...grouped(({ mutant }) => mutant.kind),
    "",
    survivors.length === 0 ? "None survived." : "Survivors:",
    "",
    ...survivors.map(({ mutant: { file, line, kind, before, after } }) => `- \`${file}:${line}\` ${kind}: \`${before.replace(/\s+/g, " ")}\` → \`${after === "" ? "nothing" : after.replace(/\s+/g, " ")}\``),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
