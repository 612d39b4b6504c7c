import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../../cli/gainsay.ts", import.meta.url));

/** A daemon that may be killed at any moment, its start included, and is started again at once. */
export interface Victim {
  readonly name: string;
  readonly kills: number;
  readonly pid: number | undefined;
  start(): void;
  /** SIGKILL, and a new start when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** `onExit` is told when it ends without having been asked to. `prefix` are the words of a command that runs it, such as one in another network. */
export function createVictim(name: string, args: readonly string[], env: NodeJS.ProcessEnv, logFolder: string, onExit: (code: number | null) => void, prefix: readonly string[] = []): Victim {
  const log = path.join(logFolder, `${name}.log`);
  let child: ChildProcess | undefined;
  let asked = false;
  let kills = 0;

  const start = (): void => {
    asked = false;
    const started = spawn(prefix[0] ?? process.execPath, [...(prefix.length > 0 ? [...prefix.slice(1), process.execPath] : []), entry, ...args, "--json"], { env, stdio: ["ignore", "ignore", "pipe"] });
    started.stderr.on("data", (data: Buffer) => appendFileSync(log, data));
    started.once("exit", (code) => {
      if (!asked) onExit(code);
    });
    child = started;
  };
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
    get pid() {
      return child?.pid;
    },
    start,
    async kill() {
      kills++;
      appendFileSync(log, '{"message":"KILLED"}\n');
      await end("SIGKILL");
      start();
    },
    stop: () => end("SIGTERM"),
  };
}
