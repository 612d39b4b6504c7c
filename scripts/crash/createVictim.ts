import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const gainsay = fileURLToPath(new URL("../../cli/gainsay.ts", import.meta.url));

/** A daemon that may be killed at any moment, its start included, and is started again at once. */
export interface Victim {
  readonly name: string;
  readonly kills: number;
  /** How many of the kills hit it before it had said that it is ready. */
  readonly earlyKills: number;
  /** Seconds from each start to the moment when it said that it is ready, of the starts that got so far. */
  readonly starts: readonly number[];
  readonly pid: number | undefined;
  start(): void;
  /** Resolves when the process that runs now has said that it is ready, or is gone. */
  ready(): Promise<void>;
  /** SIGKILL, and a new start when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

export interface VictimOptions {
  /** Words of a command that runs it, such as one in another network. */
  prefix?: readonly string[];
  /** Another program than `gainsay`. */
  entry?: string;
}

/** `onExit` is told when it ends without having been asked to. */
export function createVictim(name: string, args: readonly string[], env: NodeJS.ProcessEnv, logFolder: string, onExit: (code: number | null) => void, { prefix = [], entry = gainsay }: VictimOptions = {}): Victim {
  const log = path.join(logFolder, `${name}.log`);
  let child: ChildProcess | undefined;
  let asked = false;
  let [kills, earlyKills] = [0, 0];
  const starts: number[] = [];
  let isReady = false;
  let ready = Promise.resolve();

  const start = (): void => {
    asked = false;
    const started = spawn(prefix[0] ?? process.execPath, [...(prefix.length > 0 ? [...prefix.slice(1), process.execPath] : []), entry, ...args, "--json"], { env, stdio: ["ignore", "pipe", "pipe"] });
    const at = performance.now();
    isReady = false;
    ready = new Promise((resolve) => {
      started.once("exit", () => resolve());
      // The one document on stdout says so.
      started.stdout.once("data", () => {
        if (child !== started) return;
        isReady = true;
        starts.push((performance.now() - at) / 1000);
        resolve();
      });
      started.stdout.resume();
    });
    started.stderr.on("data", (data: Buffer) => appendFileSync(log, data));
    started.once("exit", (code) => {
      if (!asked) onExit(code);
    });
    child = started;
  };
  // A script that fails leaves nobody behind.
  process.once("exit", () => child?.kill("SIGKILL"));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child;
    if (ending === undefined) return null;
    asked = true;
    if (ending.exitCode === null && ending.signalCode === null) {
      const gone = once(ending, "exit");
      ending.kill(signal);
      await gone;
    }
    return ending.exitCode;
  };
  return {
    name,
    get kills() {
      return kills;
    },
    get earlyKills() {
      return earlyKills;
    },
    starts,
    get pid() {
      return child?.pid;
    },
    start,
    ready: () => ready,
    async kill() {
      kills++;
      if (!isReady) earlyKills++;
      appendFileSync(log, `${JSON.stringify({ time: new Date(), message: "KILLED" })}\n`);
      await end("SIGKILL");
      start();
    },
    stop: () => end("SIGTERM"),
  };
}
