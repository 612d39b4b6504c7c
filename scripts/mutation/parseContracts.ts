import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

/** A node of the compiler's syntax tree; `src` is `start:length:file` in bytes. */
export interface AstNode {
  id: number;
  nodeType: string;
  src: string;
  [field: string]: unknown;
}

export interface Parsed {
  /** Syntax tree by file. */
  trees: Map<string, AstNode>;
  errors: { file: string; start: number; message: string }[];
}

interface Output {
  sources?: Record<string, { ast: AstNode }>;
  errors?: { severity: string; message: string; sourceLocation?: { file: string; start: number } }[];
}

/** Parses and checks contracts without compiling them, which takes seconds instead of minutes. File names are relative to `folder`. */
export function parseContracts(folder: string, files: readonly string[], changed: ReadonlyMap<string, string> = new Map()): Parsed {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string, callbacks: { import(file: string): { contents: string } }): string };
  const text = (file: string): string => changed.get(file) ?? readFileSync(path.join(folder, file), "utf8");
  const sources = Object.fromEntries(files.map((file) => [file, { content: text(file) }]));
  const input = { language: "Solidity", sources, settings: { outputSelection: { "*": { "": ["ast"] } } } };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: inPackage })) as Output;
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  return {
    trees: new Map(Object.entries(output.sources ?? {}).map(([file, { ast }]) => [file, ast])),
    errors: errors.map(({ message, sourceLocation }) => ({ file: sourceLocation?.file ?? "", start: sourceLocation?.start ?? 0, message })),
  };
}

/** What contracts import from packages. */
function inPackage(file: string): { contents: string } {
  return { contents: readFileSync(createRequire(import.meta.url).resolve(file), "utf8") };
}

/** The nodes below one, with their parents, parents first. */
export function* walk(node: AstNode, parents: readonly AstNode[] = []): Generator<{ node: AstNode; parents: readonly AstNode[] }> {
  yield { node, parents };
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === "object" && child !== null && "nodeType" in child) yield* walk(child as AstNode, [...parents, node]);
    }
  }
}

/** Half-open range of a node in the bytes of its file. */
export function rangeOf({ src }: AstNode): { start: number; end: number } {
  const [start = 0, length = 0] = src.split(":").map(Number);
  return { start, end: start + length };
}
