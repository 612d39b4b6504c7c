// `npm run bench [-- --json | --markdown] [--only NAME,…] [--plots DIR]`: what verification costs, side by side with plain ONNX Runtime in one run.
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { toJson } from "../cli/output.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
import { createContext } from "./bench/createContext.ts";
import { reportLines, reportMarkdown, type Shown } from "./bench/report.ts";
import { sections } from "./bench/sections.ts";
import { readSubjects } from "./bench/subjects.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    only: { type: "string" },
    model: { type: "string" },
    plots: { type: "string" },
    rounds: { type: "string", default: "25" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const names = sections.map(({ name }) => name);
const wanted = values.only?.split(",") ?? sections.filter(({ onRequest }) => onRequest !== true).map(({ name }) => name);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no section ${unknown.join(", ")}; choose of ${names.join(", ")}.\n`);
  process.exit(2);
}

const { subjects, left } = await readSubjects();
for (const name of left) process.stderr.write(`not measured: ${name}, whose file is not beside this checkout\n`);
const runner = createFoldRunner();
const models = values.model?.split(",");
const context = createContext({ subjects: subjects.filter(({ name }) => models?.includes(name) ?? true), rounds: Number(values.rounds), threads: Number(values.threads), runner });

const machine = { processor: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), node: process.version, load: loadavg()[0] };
const shown: Shown[] = [];
const document: Record<string, unknown> = { machine, rounds: context.rounds, threads: context.threads, left };
for (const section of sections) {
  if (!wanted.includes(section.name)) continue;
  const data = (await section.measure(context)) as never;
  document[section.name] = data;
  shown.push({ section, tables: section.tables(data) });
  if (values.plots === undefined) continue;
  await mkdir(values.plots, { recursive: true });
  for (const { file, svg } of section.plots?.(data) ?? []) await writeFile(path.join(values.plots, file), svg);
}
runner.close();

if (values.json) process.stdout.write(`${toJson(document)}\n`);
else for (const line of (values.markdown ? reportMarkdown : reportLines)(shown)) console.log(line);
process.exit(0);
