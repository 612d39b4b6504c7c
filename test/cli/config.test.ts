import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run, temporaryFolder } from "./helpers.ts";

const { folder, remove } = temporaryFolder();
const home = (name: string, config: object): string => {
  const at = path.join(folder, name);
  mkdirSync(at, { recursive: true });
  writeFileSync(path.join(at, "config.json"), JSON.stringify(config));
  return at;
};
afterAll(remove);

const show = async (words: string[], env: NodeJS.ProcessEnv): Promise<any> => {
  const ran = await run(["config", "show", ...words, "--json"], { env });
  expect(ran.code, ran.stderr).toBe(0);
  return ran.json();
};

describe("flags of single commands", () => {
  const commands = { "executor start": { "min-fee": "0.5", "claim-delay": 7, program: [`0x${"ab".repeat(32)}`], "no-offer": true } };

  it("come from the environment before the file before the default, and config show tells which", async () => {
    const GAINSAY_HOME = home("order", { chainId: 7, commands });
    const { settings, flags } = await show(["executor", "start"], { GAINSAY_HOME, GAINSAY_EXECUTOR_MIN_FEE: "20gwei", GAINSAY_CHAIN_ID: "8" });
    expect(settings.chainId).toEqual({ value: 8, origin: { from: "environment", name: "GAINSAY_CHAIN_ID" }, env: "GAINSAY_CHAIN_ID" });
    const file = { from: "file", name: path.join(GAINSAY_HOME, "config.json") };
    expect(flags).toMatchObject({
      "min-fee": { value: "20gwei", origin: { from: "environment", name: "GAINSAY_EXECUTOR_MIN_FEE" } },
      "claim-delay": { value: 7, origin: file, env: "GAINSAY_EXECUTOR_CLAIM_DELAY" },
      program: { value: [`0x${"ab".repeat(32)}`], origin: file },
      "no-offer": { value: true, origin: file },
      "max-collateral": { value: "100", origin: { from: "default" } },
    });
  });

  it("reach the command, and the command line overrides them, lists as a whole", async () => {
    const list = (args: string[], env: NodeJS.ProcessEnv) => run(["keys", "list", ...args, "--json"], { env: { GAINSAY_HOME: home("reach", {}), ...env } });
    expect((await list([], {})).code).toBe(0);
    // `--timeout` of `job wait` is read before the chain is asked.
    const wait = (args: string[], env: NodeJS.ProcessEnv) => run(["job", "wait", "1", ...args, "--json"], { env: { GAINSAY_HOME: home("reach", {}), ...env } });
    expect((await wait([], { GAINSAY_JOB_WAIT_TIMEOUT: "soon" })).json().error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("GAINSAY_JOB_WAIT_TIMEOUT") });
    expect((await wait([], { GAINSAY_JOB_WAIT_TIMEOUT: "5m" })).json().error.code).toBe("DEPLOYMENT_NOT_FOUND");
    expect((await run(["job", "wait", "--help"], { env: { GAINSAY_JOB_WAIT_TIMEOUT: "soon" } })).code).toBe(0);
  });

  it.each([
    ["CONFIG_UNKNOWN_KEY", { commands: { "job wait": { timeuot: "5m" } } }],
    ["CONFIG_UNKNOWN_KEY", { commands: { "job wait": { home: "/x" } } }],
    ["CONFIG_MALFORMED", { commands: { "job wait": { timeout: { seconds: 5 } } } }],
    ["CONFIG_MALFORMED", { commands: { "job wait": "5m" } }],
    ["CONFIG_MALFORMED", { commands: ["job wait"] }],
    ["CONFIG_INVALID", { commands: { "job wait": { timeout: "never" } } }],
  ])("are refused with %s: %j", async (code, config) => {
    const ran = await run(["job", "wait", "1", "--json"], { env: { GAINSAY_HOME: home("refused", config) } });
    expect([ran.code, ran.json().error.code]).toEqual([2, code]);
    expect(ran.stderr).toContain(path.join(folder, "refused", "config.json"));
  });

  it("of a command that does not exist are an error", async () => {
    const ran = await run(["config", "show", "executor", "run", "--json"], { env: { GAINSAY_HOME: home("none", {}) } });
    expect([ran.code, ran.json().error.code]).toEqual([2, "COMMAND_UNKNOWN"]);
  });
});
