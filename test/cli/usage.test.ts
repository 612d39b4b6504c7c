import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram, describeFlag } from "../../cli/createProgram.ts";
import { unitOf } from "../../cli/parse.ts";
import { variableOf } from "../../cli/flagSources.ts";
import { settings } from "../../runtime/config/settings.ts";
import { run } from "./helpers.ts";

const shell = { env: {}, stdin: (async function* () {})(), stdout: { write: () => undefined }, stderr: { write: () => undefined }, signal: new AbortController().signal };

function leaves(command: Command, words: string[] = []): { words: string[]; command: Command }[] {
  return command.commands.length === 0 ? [{ words, command }] : command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
}

const commands = leaves(await createProgram(shell));

describe("help", () => {
  it("knows every command of the protocol's users", () => {
    const names = commands.map(({ words }) => words.join(" "));
    expect(names).toEqual(
      expect.arrayContaining([
        "devnet", "demo", "executor start", "watcher start",
        "model compile", "model inspect", "model register", "model list",
        "stake deposit", "stake withdraw", "stake collect", "stake status",
        "job submit", "job status", "job wait", "job list", "job result", "job cancel", "job expire",
        "dispute list", "dispute show", "receipt export", "receipt verify", "keys new", "keys import", "keys list", "config show", "doctor", "status",
      ]),
    );
  });

  it.each(commands)("of $words has a description, explains each flag, and goes to stdout with code 0", async ({ words, command }) => {
    const { code, stdout, stderr } = await run([...words, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: gainsay ${words.join(" ")}`);
    expect(stdout).toContain("--json");
    expect(command.description()).not.toBe("");
    for (const option of command.options) {
      expect(option.description, option.flags).not.toBe("");
      expect(stdout).toContain(option.long);
    }
  });

  it("names the environment variable and the default of every global flag", async () => {
    for (const option of (await createProgram(shell)).options.filter(({ long }) => long !== "--version")) {
      expect(option.description, option.flags).toMatch(/GAINSAY_[A-Z_]+|no environment variable/);
      expect(option.description, option.flags).toMatch(/default/);
    }
  });

  it.each(commands.flatMap(({ words, command }) => command.options.map((option) => ({ flag: `${words.join(" ")} ${option.long ?? ""}`, words, option }))))("of $flag names its variable, its unit and its default", ({ words, option }) => {
    const text = describeFlag(option, words);
    expect(text).toMatch(/env GAINSAY_[A-Z_]+|no environment variable/);
    expect(text).toMatch(/default|must be given/);
    const unit = unitOf(option.parseArg);
    if (unit !== undefined) expect(text).toMatch(/repeated|once for each|seconds|ether|bytes|whole number|milliseconds/);
    // A number or span without a reader of its own would have no unit.
    if (/<(number|time|amount|size|blocks|ms|port)>/.test(option.flags)) expect(unit, option.flags).toBeDefined();
  });

  it("gives no two flags the same variable, and none a setting's", () => {
    const variables = commands.flatMap(({ words, command }) => command.options.flatMap((option) => variableOf(words, option) ?? []));
    expect(new Set(variables).size).toBe(variables.length);
    for (const { env } of Object.values(settings)) expect(variables).not.toContain(env);
  });

  it("prints the version", async () => {
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: "0.1.0\n", stderr: "" });
  });
});

describe("usage errors", () => {
  it.each([
    { args: ["jbo", "list"], says: /Unknown command 'jbo'.*Did you mean job\?/ },
    { args: ["job", "sumbit"], says: /Unknown command 'sumbit'.*Did you mean submit\?/ },
    { args: ["job", "list", "--requestor", "a"], says: /Unknown option '--requestor'.*Did you mean --requester\?/ },
    { args: ["job", "status"], says: /Missing required argument 'id'/ },
    { args: ["job", "status", "seven"], says: /Write its number/ },
    { args: ["job", "status", "0"], says: /Write its number/ },
    { args: ["job", "status", "1", "2"], says: /Too many arguments/ },
    { args: ["job", "list", "--status", "lost"], says: /Allowed choices are open, claimed/ },
    { args: ["job", "submit", "model.onnx"], says: /--input/ },
    { args: ["job", "wait", "1", "--timeout", "soon"], says: /Write a time/ },
    { args: ["stake", "deposit", "-1"], says: /Write an amount/ },
    { args: ["stake", "deposit", "1,5"], says: /Write an amount/ },
    { args: ["stake", "deposit", "0.5wei"], says: /finer than one wei/ },
    { args: ["model", "compile", "x.onnx", "--shape", "image"], says: /NAME=SIZES/ },
    { args: ["devnet", "--port", "70000"], says: /from 0 to 65535/ },
    { args: ["config", "show", "--chain-id", "main"], says: /whole number/ },
    { args: ["config", "show", "--rpc", "localhost"], says: /rpcUrls on the command line is not valid/, code: "CONFIG_INVALID" },
  ])("$args: one sentence and code 2", async ({ args, says, code }) => {
    const plain = await run(args);
    expect(plain.code).toBe(2);
    expect(plain.stdout).toBe("");
    expect(plain.stderr).toMatch(says);
    expect(plain.stderr.trimEnd().split("\n")).toHaveLength(1);
    const asJson = await run([...args, "--json"]);
    expect(asJson.code).toBe(2);
    expect(asJson.json()).toMatchObject({ error: { code: code ?? "USAGE", retryable: false } });
  });

  it("shows a group's commands where one is missing", async () => {
    const { code, stdout, stderr } = await run(["model"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("compile");
    expect(stderr).toContain("[USAGE]");
  });
});
