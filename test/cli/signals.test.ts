import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gainsayFile, temporaryFolder } from "./helpers.ts";

const { folder, remove } = temporaryFolder();
let silent: Server;
let url: string;

// An endpoint that takes requests and never answers: a command that waits for it does not stop by itself.
beforeAll(async () => {
  silent = createServer(() => asked());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  mkdirSync(path.join(folder, "deployments"), { recursive: true });
  const contracts = Object.fromEntries(["stakes", "models", "jobs", "disputes", "judge"].map((name) => [name, `0x${"11".repeat(20)}`]));
  writeFileSync(path.join(folder, "deployments", "31337.json"), JSON.stringify({ chainId: 31337, contracts, block: "1" }));
});
afterAll(() => {
  silent.closeAllConnections();
  silent.close();
  remove();
});
let asked = (): void => undefined;

async function startHanging(env: NodeJS.ProcessEnv = {}) {
  const first = new Promise<void>((resolve) => (asked = resolve));
  const child = spawn(process.execPath, [gainsayFile, "job", "list", "--rpc", url], { env: { PATH: process.env["PATH"], GAINSAY_HOME: folder, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = once(child, "close") as Promise<[number | null]>;
  await first;
  return { child, code: async () => (await closed)[0], stderr: () => stderr };
}

describe("signals", () => {
  it("the second one ends the process at once", async () => {
    const { child, code } = await startHanging();
    child.kill("SIGTERM");
    child.kill("SIGINT");
    expect([130, 143]).toContain(await code());
  });

  it("the first one has a deadline", async () => {
    const { child, code, stderr } = await startHanging({ GAINSAY_STOP_TIMEOUT_SECONDS: "1" });
    const started = Date.now();
    child.kill("SIGTERM");
    expect(await code()).toBe(1);
    expect(stderr()).toContain("[STOP_TIMEOUT]");
    expect(Date.now() - started).toBeGreaterThanOrEqual(950);
  });
});
