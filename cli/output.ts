import path from "node:path";
import process from "node:process";
import { GainsayError } from "../protocol/errors.ts";
import type { Sink } from "./shell.ts";

/** Where a command writes: results on stdout, all else on stderr. With `json`, stdout is one JSON document. */
export interface Output {
  readonly json: boolean;
  /** The command's result: a value for programs, and lines for people. */
  result(value: unknown, lines: readonly string[]): void;
  /** A remark on the way, for people. */
  note(text: string): void;
}

/** The two streams of a command. */
export interface Streams {
  stdout: Sink;
  stderr: Sink;
}

/** JSON with bigints as decimal strings and bytes as hexadecimal. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item instanceof Uint8Array ? `0x${Buffer.from(item).toString("hex")}` : item), 2);
}

export function createOutput(json: boolean, streams: Streams = process): Output {
  return {
    json,
    result: (value, lines) => streams.stdout.write(json ? `${toJson(value)}\n` : lines.length === 0 ? "" : `${lines.join("\n")}\n`),
    note: (text) => streams.stderr.write(`${text}\n`),
  };
}

/** Reports an error: one sentence on stderr, with `json` also a document on stdout; returns the exit code. */
export function reportError(error: unknown, json: boolean, streams: Streams = process): number {
  const known = error instanceof GainsayError;
  const code = known ? error.code : "UNEXPECTED";
  const message = error instanceof Error ? error.message.split("\n")[0] ?? "" : String(error);
  streams.stderr.write(`gainsay: ${message} [${code}]\n`);
  // Where the message does not name it already: whoever mends a file must know which.
  const file = known ? fileOf(error.details) : undefined;
  if (file !== undefined && !message.includes(file)) streams.stderr.write(`  ${file}\n`);
  const nodes = known ? (error.details["nodes"] ?? error.details["unsupported"]) : undefined;
  if (Array.isArray(nodes)) for (const node of nodes) streams.stderr.write(`  ${typeof node === "string" ? node : Object.values(node as object).join(": ")}\n`);
  if (!known && process.env["GAINSAY_DEBUG"] !== undefined && error instanceof Error) streams.stderr.write(`${error.stack ?? ""}\n`);
  if (json) streams.stdout.write(`${toJson({ error: { code, message, details: known ? error.details : {}, retryable: known && error.retryable } })}\n`);
  return known ? error.exitCode : 1;
}

function fileOf({ folder, file }: GainsayError["details"]): string | undefined {
  if (typeof file !== "string") return typeof folder === "string" ? folder : undefined;
  return typeof folder === "string" && !path.isAbsolute(file) ? path.join(folder, file) : file;
}

/** Lines of a table with aligned columns. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd();
  return [line(header), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)];
}

/** Lines of `name  value` pairs; pairs without a value are left out. */
export function pairs(entries: readonly (readonly [string, string | undefined])[]): string[] {
  const shown = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
