import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What a measured process says. */
export interface ProcessReport {
  /** Milliseconds from the start of the process until it was ready. */
  sinceStart: number;
  /** Milliseconds of that for ONNX Runtime's session alone, or from the bundle on disk until a job could be taken. */
  session: number;
  /** Resident bytes of the process and of its children, after some runs. */
  resident: number[];
}

/** Resident bytes of a process, where /proc is (proc(5), VmRSS). */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** Writes the report, keeps what was compiled for the next process, and ends this one. */
export async function writeReport(report: ProcessReport): Promise<never> {
  module.flushCompileCache();
  await new Promise((resolve) => process.stdout.write(JSON.stringify(report), resolve));
  process.exit(0);
}

/** Runs one of the scripts of this folder, or its file in a bundle, with code compiled into `compiled`, and reads its report. */
export async function runProcess(script: "plainProcess.ts" | "servingProcess.ts" | URL, args: readonly string[], compiled: string): Promise<ProcessReport> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], { maxBuffer: 1 << 20, env: { ...process.env, NODE_COMPILE_CACHE: compiled } });
  return JSON.parse(stdout) as ProcessReport;
}
