import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { GainsayError } from "../../../protocol/errors.ts";

const entry = fileURLToPath(new URL("../../gainsay.mjs", import.meta.url));

/** One JSON log line of a daemon. */
export type LogLine = { message?: string } & Record<string, unknown>;

/** A daemon that runs as a process of its own. */
export interface StagedDaemon {
  readonly name: string;
  /** What the command printed when it was ready. */
  readonly ready: Record<string, unknown>;
  /** Log lines so far. */
  readonly log: readonly LogLine[];
  readonly pid: number;
  /** Sends the signal and resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Runs the commands of the CLI as real processes with one data folder, as a person at a terminal would. */
export interface Stage {
  readonly env: NodeJS.ProcessEnv;
  /** Sets a variable for all later processes. */
  set(name: string, value: string): void;
  /** Runs a command with `--json` to its end and returns its document. Throws `STAGE_FAILED` with the command's own words. */
  run(args: readonly string[]): Promise<Record<string, unknown>>;
  /** Starts a daemon and resolves when it has said that it is ready. */
  start(name: string, args: readonly string[], onLog?: (line: LogLine) => void): Promise<StagedDaemon>;
  /** Stops every daemon, last started first. */
  close(): Promise<void>;
}

export function createStage(home: string, env: NodeJS.ProcessEnv, signal?: AbortSignal): Stage {
  const variables: NodeJS.ProcessEnv = { ...env, GAINSAY_HOME: home, FORCE_COLOR: "0" };
  const running: StagedDaemon[] = [];

  const alive = new Set<ChildProcess>();
  const launch = (args: readonly string[]): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } => {
    const child = spawn(process.execPath, [entry, ...args, "--json"], { env: variables, stdio: ["ignore", "pipe", "pipe"] }) as ReturnType<typeof launch>;
    alive.add(child);
    child.once("close", () => alive.delete(child));
    return child;
  };
  // Whoever ends in the middle leaves nobody behind, also nobody who was halted.
  const abandon = (): void => {
    for (const child of alive) {
      child.kill("SIGTERM");
      child.kill("SIGCONT");
    }
  };
  process.once("exit", abandon);

  return {
    env: variables,
    set: (name, value) => void (variables[name] = value),
    run(args) {
      return new Promise((resolve, reject) => {
        const child = launch(args);
        const abort = (): void => void child.kill();
        signal?.addEventListener("abort", abort, { once: true });
        let stdout = "";
        let stderr = "";
        child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
        child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
        child.once("error", reject);
        child.once("close", (code) => {
          signal?.removeEventListener("abort", abort);
          const document = parse(stdout);
          if (code === 0 && document !== undefined) resolve(document);
          else reject(failed(args, code, stderr));
        });
      });
    },
    start(name, args, onLog) {
      return new Promise((resolve, reject) => {
        const child = launch(args);
        const log: LogLine[] = [];
        const gone = new Promise<void>((done) => child.once("close", () => done()));
        let stdout = "";
        let stderr = "";
        createInterface({ input: child.stderr }).on("line", (line) => {
          const parsed = parse(line) as LogLine | undefined;
          if (parsed === undefined) return void (stderr += `${line}\n`);
          log.push(parsed);
          onLog?.(parsed);
        });
        child.once("error", reject);
        const early = (code: number | null): void => reject(failed(args, code, stderr));
        child.once("close", early);
        child.stdout.on("data", (data: Buffer) => {
          stdout += data.toString();
          const ready = parse(stdout);
          // A daemon that cannot start says so in a document, too, and ends.
          if (ready === undefined || "error" in ready) return;
          child.removeListener("close", early);
          const daemon: StagedDaemon = {
            name,
            ready,
            log,
            pid: child.pid as number,
            async stop(how = "SIGTERM") {
              const at = running.indexOf(daemon);
              if (at >= 0) running.splice(at, 1);
              if (child.exitCode === null && child.signalCode === null) child.kill(how);
              await gone;
            },
          };
          running.push(daemon);
          resolve(daemon);
        });
      });
    },
    async close() {
      while (running.length > 0) await running.at(-1)?.stop();
      process.removeListener("exit", abandon);
    },
  };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function failed(args: readonly string[], code: number | null, stderr: string): GainsayError {
  const said = stderr.trim().split("\n").at(-1) ?? "";
  return new GainsayError(`\`gainsay ${args.join(" ")}\` ended with exit code ${code ?? "none"}: ${said}`, { code: "STAGE_FAILED", details: { args, code, stderr: stderr.slice(-4000) } });
}
