import { table } from "../../cli/output.ts";
import type { Section, Table } from "./section.ts";

/** A measured section, ready to be shown. */
export interface Shown {
  section: Pick<Section<unknown>, "title" | "about">;
  tables: readonly Table[];
}

/** For a terminal. */
export function reportLines(shown: readonly Shown[]): string[] {
  return shown.flatMap(({ section, tables }) => [section.title, section.about, "", ...tables.flatMap(({ caption, header, rows }) => [caption, ...table(header, rows), ""])]);
}

/** The same as Markdown, to be pasted into a page. */
export function reportMarkdown(shown: readonly Shown[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return shown.flatMap(({ section, tables }) => [
    `## ${section.title}`,
    "",
    section.about,
    "",
    ...tables.flatMap(({ caption, header, rows }) => [...(caption === "" ? [] : [`${caption}:`, ""]), line(header), `|${"---|".repeat(header.length)}`, ...rows.map((row) => line(header.map((_, i) => row[i] ?? ""))), ""]),
  ]);
}
