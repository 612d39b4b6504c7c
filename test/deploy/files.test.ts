import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../cli/createProgram.ts";
import { variableOf } from "../../cli/flagSources.ts";
import { settings } from "../../runtime/config/settings.ts";
import { temporaryFolder } from "../cli/helpers.ts";

// No container engine is needed: what the files say is held against what the program knows.
const root = path.join(import.meta.dirname, "..", "..");
const deploy = path.join(root, "deploy");
const files = readdirSync(deploy, { recursive: true, encoding: "utf8" }).filter((name) => /\.(ya?ml|service)$|Dockerfile$/.test(name));
const read = (name: string): string => readFileSync(path.join(deploy, name), "utf8");
const shell = { env: {}, stdin: (async function* () {})(), stdout: { write: () => undefined }, stderr: { write: () => undefined }, signal: new AbortController().signal };
const program = await createProgram(shell);
const commands = (function leaves(command: Command, words: string[]): { words: string[]; command: Command }[] {
  return command.commands.length === 0 ? [{ words, command }] : command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
})(program, []);

describe("deployment files", () => {
  it("name only variables that exist", () => {
    const known = new Set(["GAINSAY_HOME", "GAINSAY_PASSWORD_FILE", "GAINSAY_KEY", ...Object.values(settings).map(({ env }) => env), ...commands.flatMap(({ words, command }) => command.options.flatMap((option) => variableOf(words, option) ?? []))]);
    const named = files.flatMap((name) => [...read(name).matchAll(/GAINSAY_[A-Z_]+/g)].map(([variable]) => variable));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((variable) => !known.has(variable))).toEqual([]);
  });

  it("run only commands with flags that exist", () => {
    const lines = [
      ...[...read("compose.yaml").matchAll(/^ {4}command: \[(.*)\]$/gm)].map(([, words = ""]) => words.split(",").map((word) => word.trim().replaceAll('"', ""))),
      ...[...read("compose.yaml").matchAll(/^ +gainsay (.*)$/gm)].map(([, words = ""]) => words.split(" ")),
      ...["executor", "watcher"].map((kind) => /gainsay\.mjs (.*)$/m.exec(read("systemd/gainsay@.service"))?.[1]?.replace("%i", kind).split(" ") ?? []),
    ];
    expect(lines.length).toBeGreaterThanOrEqual(8);
    for (const line of lines) {
      const found = commands.find(({ words }) => words.every((word, i) => line[i] === word));
      expect(found, line.join(" ")).toBeDefined();
      const flags = line.filter((word) => word.startsWith("--"));
      const known = [...(found?.command.options ?? []), ...program.options].map(({ long }) => long);
      expect(flags.filter((flag) => !known.includes(flag)), line.join(" ")).toEqual([]);
    }
  });

  it("open no port to others, and name only files and volumes that exist", () => {
    const compose = read("compose.yaml");
    for (const [, port = ""] of compose.matchAll(/^ {6}- "([\d.:]+)"$/gm)) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const mounts = [...compose.matchAll(/^ {6}- (\.?[\w./-]+):\//gm)].map(([, source = ""]) => source);
    expect(mounts.length).toBeGreaterThan(5);
    const volumes: readonly string[] = (compose.split(/^volumes:$/m)[1] ?? "").match(/\w+(?=:)/g) ?? [];
    for (const source of mounts) expect(source.startsWith("./") ? existsSync(path.join(deploy, source)) : volumes.includes(source), source).toBe(true);
    for (const [, source = ""] of read("Dockerfile").matchAll(/^COPY ([\w.-]+) ([\w.-]+) \.\/$/gm)) expect(existsSync(path.join(root, source))).toBe(true);
  });

  it("scrape the port that the image serves", () => {
    const port = /GAINSAY_TELEMETRY_PORT=(\d+)/.exec(read("Dockerfile"))?.[1];
    expect(read("prometheus/prometheus.yml")).toContain(`["executor:${port}", "watcher:${port}"]`);
  });

  it("give the daemon more time to stop than it takes itself", () => {
    const own = settings.stopTimeoutSeconds.default;
    expect(Number(/TimeoutStopSec=(\d+)/.exec(read("systemd/gainsay@.service"))?.[1])).toBeGreaterThan(own);
    expect(Number(/stop_grace_period: (\d+)s/.exec(read("compose.yaml"))?.[1])).toBeGreaterThan(own);
  });

  it.skipIf(spawnSync("systemd-analyze", ["--version"]).status !== 0)("have a unit that systemd accepts (needs systemd-analyze)", () => {
    const { folder, remove } = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    // The program and the user are not on this machine, and are not what is checked.
    const unit = read("systemd/gainsay@.service").replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`).replace(/^(User|Group)=.*$/gm, "$1=root");
    writeFileSync(path.join(folder, "gainsay@executor.service"), unit);
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path.join(folder, "gainsay@executor.service")], { encoding: "utf8" });
    remove();
    expect(stderr.split("\n").filter((line) => line.includes("gainsay@"))).toEqual([]);
  });
});
