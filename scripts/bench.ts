// `npm run bench`: what verification costs, side by side with plain ONNX Runtime in one run; `-- --help` lists the options.
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import path from "node:path";
import { toJson } from "../cli/output.ts";
import { integer } from "../cli/parse.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
import { createContext } from "./bench/createContext.ts";
import { reportLines, reportMarkdown, type Shown } from "./bench/report.ts";
import { sections } from "./bench/sections.ts";
import { readSubjects, subjectNames } from "./bench/subjects.ts";
import { commandLine, exitOnSignals, listOf } from "./commandLine.ts";

const always = sections.filter(({ onRequest }) => onRequest !== true).map(({ name }) => name);
const options = commandLine("npm run bench --", "Measures what verification costs, side by side with plain ONNX Runtime in one run.")
  .option("--only <sections>", `what to measure, separated by commas: ${sections.map(({ name }) => name).join(", ")}`, listOf(sections.map(({ name }) => name)), always)
  .option("--model <names>", "models to measure, separated by commas (default: all that are there)", listOf(subjectNames))
  .option("--rounds <n>", "rounds in which both sides take turns; medians are of these", integer(1), 25)
  .option("--threads <n>", "threads of ONNX Runtime and of hashing, on both sides", integer(1, 256), availableParallelism())
  .option("--plots <folder>", "also write the plots as SVG")
  .option("--markdown", "print the tables as Markdown", false)
  .option("--json", "print the measurements as one JSON document", false)
  .parse()
  .opts<{ only: string[]; model?: string[]; rounds: number; threads: number; plots?: string; markdown: boolean; json: boolean }>();
exitOnSignals();

const { subjects, left } = await readSubjects();
for (const name of left) process.stderr.write(`not measured: ${name}, whose file is not beside this checkout\n`);
const runner = createFoldRunner();
const context = createContext({ subjects: subjects.filter(({ name }) => options.model?.includes(name) ?? true), rounds: options.rounds, threads: options.threads, runner });

const machine = { processor: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), node: process.version, load: loadavg()[0] };
const shown: Shown[] = [];
const document: Record<string, unknown> = { machine, rounds: context.rounds, threads: context.threads, left };
for (const section of sections) {
  if (!options.only.includes(section.name)) continue;
  const data = (await section.measure(context)) as never;
  document[section.name] = data;
  shown.push({ section, tables: section.tables(data) });
  if (options.plots === undefined) continue;
  await mkdir(options.plots, { recursive: true });
  for (const { file, svg } of section.plots?.(data) ?? []) await writeFile(path.join(options.plots, file), svg);
}
runner.close();

if (options.json) process.stdout.write(`${toJson(document)}\n`);
else for (const line of (options.markdown ? reportMarkdown : reportLines)(shown)) console.log(line);
process.exit(0);
