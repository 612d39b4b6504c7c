import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { until } from "../runtime/chain/localChain.ts";
import { temporaryFolder } from "./helpers.ts";

const root = path.resolve(import.meta.dirname, "../..");
const module = (file: string): string => JSON.stringify(pathToFileURL(path.join(root, file)).href);
const { folder, remove } = temporaryFolder();
afterAll(remove);

/** Whether a process is at work, which one that has ended and was inherited by nobody who waits for it is not. */
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0) && !(process.platform === "linux" && / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
  } catch {
    return false;
  }
};

it("a script that is told to end takes its daemons with it, also those that are halted", async () => {
  const script = `
    const { createStage } = await import(${module("cli/commands/demo/createStage.ts")});
    const { exitOnSignals } = await import(${module("scripts/commandLine.ts")});
    exitOnSignals();
    const start = (name) => createStage(${JSON.stringify(folder)} + "/" + name, process.env).start(name, ["devnet", "--port", "0"]);
    const [first, second] = await Promise.all([start("first"), start("second")]);
    process.kill(second.pid, "SIGSTOP");
    console.log(JSON.stringify([first.pid, second.pid]));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { env: { PATH: process.env["PATH"] }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended])) as [unknown];
  const pids = JSON.parse(String(line)) as number[];
  expect(pids.map(isAlive)).toEqual([true, true]);
  child.kill("SIGTERM");
  expect((await ended)[0]).toBe(143);
  await until("no daemon is left", () => !pids.some(isAlive));
});
