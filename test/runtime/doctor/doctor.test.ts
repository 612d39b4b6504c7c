import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkClock, checkEndpoints } from "../../../runtime/doctor/checkChain.ts";
import { checkDisk, checkGpu, checkInference, checkNode } from "../../../runtime/doctor/checkMachine.ts";
import { checkPeers, checkPorts } from "../../../runtime/doctor/checkNetwork.ts";
import { digitsFile, run } from "../../cli/helpers.ts";

/** Answers JSON-RPC with fixed results. */
async function startEndpoint(results: Record<string, unknown>, headers: Record<string, string> = {}): Promise<string> {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { id, method } = JSON.parse(Buffer.concat(parts).toString()) as { id: number; method: string };
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? null }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const block = (number: number, seconds: number) => ({ number: hex(number), timestamp: hex(seconds), hash: `0x${"11".repeat(32)}`, transactions: [] });

describe("the machine", () => {
  it("needs a new Node", () => {
    expect(checkNode()).toMatchObject({ status: "ok" });
    for (const version of ["22.17.9", "20.20.0", "18.0.0"]) expect(checkNode(version)).toMatchObject({ status: "fail", advice: expect.stringContaining("22.18") });
    expect(checkNode("22.18.0").status).toBe("ok");
  });

  it("runs a model on its provider, or says why not", async () => {
    expect(await checkInference("cpu", digitsFile)).toMatchObject({ status: "ok", found: expect.stringContaining("runs a model on cpu") });
    expect(await checkInference("dml", digitsFile)).toMatchObject({ status: "fail", advice: expect.stringContaining("cpu") });
  });

  it("needs a GPU only where the provider does", async () => {
    expect(await checkGpu("cpu", "/nonexistent/tool")).toMatchObject({ status: "ok" });
    expect(await checkGpu("cuda", "/nonexistent/tool")).toMatchObject({ status: "fail" });
  });

  it("needs room and permission in the data folder", async () => {
    const home = await mkdtemp(path.join(tmpdir(), "gainsay-doctor-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    expect((await checkDisk(home, 20e9)).status).toBe("ok");
    expect((await checkDisk(home, 5e9)).status).toBe("warn");
    expect(await checkDisk(home, 5e8)).toMatchObject({ status: "fail", found: expect.stringContaining("0.5 GB") });
    expect(await checkDisk(path.join(digitsFile, "home"))).toMatchObject({ status: "fail", found: expect.stringContaining("cannot be written") });
  });
});

describe("the chain", () => {
  it("is asked at each endpoint on its own, and no secret of a URL is shown", async () => {
    const now = 1_800_000_000;
    const urls = await Promise.all([
      startEndpoint({ eth_chainId: "0x5", eth_getBlockByNumber: block(100, now - 3) }),
      startEndpoint({ eth_chainId: "0x5", eth_getBlockByNumber: block(90, now - 40) }),
      startEndpoint({ eth_chainId: "0x5", eth_getBlockByNumber: block(20, now - 900) }),
      startEndpoint({ eth_chainId: "0x6" }),
    ]);
    const findings = await checkEndpoints([...urls, "http://127.0.0.1:1/secret"], 5, () => now * 1000);
    expect(findings.map(({ status }) => status)).toEqual(["ok", "warn", "warn", "fail", "fail"]);
    expect(findings[1]?.found).toContain("10 blocks behind");
    expect(findings[2]?.found).toContain("900 s old");
    expect(findings[3]?.found).toContain("chain 6");
    expect(JSON.stringify(findings)).not.toContain("secret");
  });

  it("tells a wrong clock", async () => {
    const now = Date.UTC(2027, 0, 1, 12, 0, 0);
    const url = await startEndpoint({}, { date: new Date(now).toUTCString() });
    expect((await checkClock(url, () => now + 500)).status).toBe("ok");
    expect((await checkClock(url, () => now + 5_500)).status).toBe("ok");
    expect(await checkClock(url, () => now + 61_000)).toMatchObject({ status: "fail", found: expect.stringContaining("60 s") });
    expect(await checkClock(url, () => now - 60_000)).toMatchObject({ status: "fail" });
    expect((await checkClock("http://127.0.0.1:1")).status).toBe("warn");
  });
});

describe("the network", () => {
  it("has free ports, or tells which is taken", async () => {
    const holder = createTcpServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as AddressInfo;
    expect(await checkPorts([`/ip4/127.0.0.1/tcp/${port}`], undefined)).toMatchObject([{ status: "warn", found: "in use" }]);
    expect(await checkPorts(["/ip4/203.0.113.7/tcp/4001"], port)).toMatchObject([{ status: "fail" }, { status: "warn", advice: expect.stringContaining("--telemetry-port") }]);
    expect(await checkPorts(["/ip4/127.0.0.1/tcp/0"], 0)).toMatchObject([{ check: "ports", status: "warn" }]);
  });

  it("reaches its peers", async () => {
    const ping = (address: string): Promise<number> => (address.startsWith("good") ? Promise.resolve(1) : Promise.reject(new Error("gone")));
    const signal = new AbortController().signal;
    expect(await checkPeers({ ping }, [], signal)).toMatchObject([{ status: "warn" }]);
    expect(await checkPeers({ ping }, ["good-1"], signal)).toMatchObject([{ status: "ok" }]);
    expect(await checkPeers({ ping }, ["good-1", "bad"], signal)).toMatchObject([{ status: "warn", found: "1 of 2 known addresses answer" }]);
    expect(await checkPeers({ ping }, ["bad"], signal)).toMatchObject([{ status: "fail" }]);
  });
});

describe("gainsay doctor", () => {
  it("tells in JSON what fails, with exit code 1", async () => {
    const home = await mkdtemp(path.join(tmpdir(), "gainsay-doctor-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const { code, json, stderr } = await run(["doctor", "--json", "--rpc", "http://127.0.0.1:1"], { env: { GAINSAY_HOME: home } });
    expect(code).toBe(1);
    expect(stderr).toContain("DOCTOR_FAILED");
    const { healthy, findings } = json() as { healthy: boolean; findings: { check: string; status: string; advice?: string }[] };
    expect(healthy).toBe(false);
    expect(findings.find(({ check }) => check.startsWith("rpc"))).toMatchObject({ status: "fail" });
    for (const { status, advice } of findings) expect(advice === undefined, status).toBe(status === "ok");
  });
});
