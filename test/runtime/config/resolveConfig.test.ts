import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveConfig } from "../../../runtime/config/resolveConfig.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "gainsay-config-"));
  await writeFile(path.join(home, "config.json"), JSON.stringify({ chainId: 5, pollingIntervalMs: 300, threads: 2, rpcUrls: ["http://file:1"] }));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe("resolveConfig", () => {
  it("takes flag before environment before file before default, and tells the origin", () => {
    const env = { GAINSAY_CHAIN_ID: "4", GAINSAY_POLLING_INTERVAL_MS: "200", GAINSAY_RPC_URL: "" };
    const { settings, origins, paths } = resolveConfig({ home, env, flags: { chainId: "3" } });
    expect(settings).toMatchObject({ chainId: 3, pollingIntervalMs: 200, threads: 2, rpcUrls: ["http://file:1"], executionProvider: "cpu" });
    expect(origins.chainId).toEqual({ from: "flag" });
    expect(origins.pollingIntervalMs).toEqual({ from: "environment", name: "GAINSAY_POLLING_INTERVAL_MS" });
    expect(origins.threads).toEqual({ from: "file", name: paths.configFile });
    expect(origins.executionProvider).toEqual({ from: "default" });
    expect(origins.home).toEqual({ from: "flag" });
  });

  it("finds the home folder by flag, environment or default", () => {
    expect(resolveConfig({ home: "/nonexistent/a", env: { GAINSAY_HOME: "/nonexistent/b" } }).paths.home).toBe("/nonexistent/a");
    const fromEnvironment = resolveConfig({ env: { GAINSAY_HOME: "/nonexistent/b" } });
    expect(fromEnvironment.paths.keys).toBe("/nonexistent/b/keys");
    expect(fromEnvironment.origins.home).toEqual({ from: "environment", name: "GAINSAY_HOME" });
  });

  it("reads lists separated by commas", () => {
    const { settings } = resolveConfig({ home: "/nonexistent", env: { GAINSAY_RPC_URL: "http://a:1, https://b/key" } });
    expect(settings.rpcUrls).toEqual(["http://a:1", "https://b/key"]);
  });

  it.each([
    ["chainId", { GAINSAY_CHAIN_ID: "x" }],
    ["chainId", { GAINSAY_CHAIN_ID: "0" }],
    ["rpcUrls", { GAINSAY_RPC_URL: "ftp://a" }],
    ["rpcUrls", { GAINSAY_RPC_URL: "," }],
    ["logLevel", { GAINSAY_LOG_LEVEL: "loud" }],
    ["telemetryPort", { GAINSAY_TELEMETRY_PORT: "70000" }],
    ["executionProvider", { GAINSAY_EXECUTION_PROVIDER: "tpu" }],
  ])("names the setting %s and where it came from: %o", (name, env) => {
    const variable = Object.keys(env)[0];
    expect(() => resolveConfig({ home: "/nonexistent", env })).toThrowError(
      expect.objectContaining({ code: "CONFIG_INVALID", kind: "usage", details: expect.objectContaining({ setting: name, from: "environment", source: variable }) as object }) as Error,
    );
    expect(() => resolveConfig({ home: "/nonexistent", env })).toThrowError(variable);
  });

  it.each([
    ["CONFIG_MALFORMED", "{"],
    ["CONFIG_MALFORMED", "[]"],
    ["CONFIG_UNKNOWN_KEY", '{"rpcUrl": "http://a"}'],
    ["CONFIG_INVALID", '{"chainId": "no"}'],
  ])("refuses a configuration file with %s: %s", async (code, text) => {
    const folder = await mkdtemp(path.join(tmpdir(), "gainsay-config-"));
    await writeFile(path.join(folder, "config.json"), text);
    expect(() => resolveConfig({ home: folder, env: {} })).toThrowError(expect.objectContaining({ code, kind: "usage" }) as Error);
    await rm(folder, { recursive: true });
  });
});
