import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCli } from "../../cli/runCli.ts";

export const repository = path.dirname(path.dirname(import.meta.dirname));
export const gainsayFile = path.join(repository, "cli", "gainsay.mjs");
export const digitsFile = path.join(repository, "models", "digits", "digits.onnx");
export const sampleFile = (digit: number): string => path.join(repository, "models", "digits", "samples", `${digit}.png`);

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** The one document on stdout; throws if it is not that. */
  json(): any;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  stdin?: string;
  signal?: AbortSignal;
  /** Called with all of standard error so far. */
  onStderr?: (text: string) => void;
}

/** Runs a command line in this process. The environment is only what is given. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await runCli(args, {
    env: options.env ?? {},
    stdin: (async function* () {
      yield options.stdin ?? "";
    })(),
    stdout: { write: (text) => (stdout += text) },
    stderr: {
      write(text) {
        stderr += text;
        options.onStderr?.(stderr);
      },
    },
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}

/** A folder for one test file, and what removes it. */
export function temporaryFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), "gainsay-cli-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Started {
  child: ChildProcess;
  /** The JSON document that it wrote when it was ready. */
  ready: any;
  /** All that it wrote to standard error so far. */
  stderr(): string;
  /** Sends SIGTERM and resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a long-lived command as a process of its own; resolves when it has written its document. */
export async function start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Started> {
  const child = spawn(process.execPath, [gainsayFile, ...args, "--json"], { env: { NODE_COMPILE_CACHE: path.join(tmpdir(), "gainsay-test-compiled"), PATH: process.env["PATH"], HOME: process.env["HOME"], ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ready = await new Promise<unknown>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      try {
        resolve(JSON.parse(stdout));
      } catch {
        // Not all of the document has come yet.
      }
    });
    void exited.then((code) => reject(new Error(`${args.join(" ")} ended with ${code}: ${stderr}`)));
  });
  return {
    child,
    ready,
    stderr: () => stderr,
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
