import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createPublicClient } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createEndpoints, type Endpoints } from "../../../runtime/chain/createEndpoints.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { until } from "./localChain.ts";
import { startMisbehavingProxy, type Behaviour, type MisbehavingProxy } from "./misbehavingProxy.ts";

const HEAD = 1_000;
const hex = (value: number): string => `0x${value.toString(16)}`;
const block = (number: number, timestamp: number, chain = 0) => ({ number: hex(number), timestamp: hex(timestamp), hash: hex(number * 16 + chain).replace("0x", "0x".padEnd(60, "0")), transactions: [] });

const ADDRESS = `0x${"aa".repeat(20)}`;
/** One log in every hundredth block. */
const logAt = (number: number) => ({ address: ADDRESS, topics: [hex(1)], data: "0x", blockNumber: hex(number), blockHash: block(number, 0).hash, transactionHash: `0x${number.toString(16).padStart(64, "0")}`, transactionIndex: "0x0", logIndex: "0x0", removed: false });
const receiptOf = (hash: string) => (Number(hash) % 100 === 0 ? { logs: [logAt(Number(hash))] } : null);
function logsOf({ fromBlock, toBlock }: { fromBlock: string; toBlock: string }): object[] {
  const first = Math.ceil(Number(fromBlock) / 100) * 100;
  return Array.from({ length: Math.max(0, Math.floor((Number(toBlock) - first) / 100) + 1) }, (_, i) => logAt(first + 100 * i));
}

/** A chain with a block a second up to `HEAD`, whose clock stands at its head; balances tell which node answered. */
let node: { url: string; stop(): void };
let proxies: MisbehavingProxy[];
let now: number;

beforeAll(async () => {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      const { id, method, params } = JSON.parse(Buffer.concat(parts).toString()) as { id: number; method: string; params: string[] };
      const number = params[0] === "latest" ? HEAD : Number(params[0]);
      const result = method === "eth_getBlockByNumber" ? block(number, number) : method === "eth_getLogs" ? logsOf(params[0] as never) : method === "eth_getTransactionReceipt" ? receiptOf(params[0] as string) : "0x0";
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  node = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => (server.closeAllConnections(), server.close()) };
  proxies = await Promise.all([1, 2, 3].map(() => startMisbehavingProxy(node.url)));
});
beforeEach(() => {
  now = HEAD * 1_000;
  for (const [i, proxy] of proxies.entries()) proxy.behave = (method) => (method === "eth_getBalance" ? { result: hex(i + 1) } : "pass");
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.stop();
  node.stop();
});

/** Lets a proxy misbehave in all that is not said otherwise. */
const spoil = (i: number, behaviour: Behaviour | ((method: string, params: unknown[]) => Behaviour | undefined)): void => {
  const proxy = proxies[i] as MisbehavingProxy;
  const before = proxy.behave;
  proxy.behave = (method, params) => (typeof behaviour === "function" ? behaviour(method, params) : behaviour) ?? before(method, params);
};
const latest = (number: number, timestamp: number) => (method: string, params: unknown[]): Behaviour | undefined => (method === "eth_getBlockByNumber" && params[0] === "latest" ? { result: block(number, timestamp) } : undefined);

function open(count = 3, options: object = {}): Endpoints & { balance(): Promise<number> } {
  const endpoints = createEndpoints({ rpcUrls: proxies.slice(0, count).map(({ url }) => url), retries: 0, timeoutMs: 3_000, ...options }, { logger: silentLogger(), now: () => now });
  const client = createPublicClient({ transport: endpoints.transport });
  return { ...endpoints, balance: async () => Number(await client.getBalance({ address: "0x00000000000000000000000000000000000000aa" })) };
}

describe("several endpoints", () => {
  it("are asked in the order given while they are healthy", async () => {
    const rpc = open();
    expect([await rpc.balance(), await rpc.balance()]).toEqual([1, 1]);
    expect(rpc.health().map(({ healthy, headNumber, headAgeSeconds }) => [healthy, headNumber, headAgeSeconds])).toEqual([[true, HEAD, 0], [true, HEAD, 0], [true, HEAD, 0]]);
  });

  it.each<[string, Behaviour]>([
    ["dead", "cut"],
    ["down", "fail"],
    ["silent", "hang"],
    ["rate-limited", { code: -32005, message: "daily request count exceeded, request rate limited" }],
    ["without the block", { code: -32000, message: "header not found" }],
  ])("go on without one that is %s, let it rest, and take it back when it is well", async (_name, behaviour) => {
    const rpc = open(3, behaviour === "hang" ? { timeoutMs: 2_000 } : {});
    expect(await rpc.balance()).toBe(1);
    spoil(0, behaviour);
    expect(await rpc.balance()).toBe(2);
    const asked = proxies[0]?.calls.length;
    expect([await rpc.balance(), proxies[0]?.calls.length]).toEqual([2, asked]);
    expect(rpc.health()[0]).toMatchObject({ healthy: false, reason: "it did not answer" });
    (proxies[0] as MisbehavingProxy).behave = (method) => (method === "eth_getBalance" ? { result: "0x1" } : "pass");
    now += 1_100;
    expect(await rpc.balance()).toBe(1);
    expect(rpc.health()[0]?.healthy).toBe(true);
  });

  it("rest longer with every failure", async () => {
    const rpc = open(2);
    await rpc.balance();
    spoil(0, "cut");
    for (const rest of [1_000, 2_000, 4_000]) {
      expect(await rpc.balance()).toBe(2);
      now += rest - 1;
      const asked = proxies[0]?.calls.length;
      await rpc.balance();
      expect(proxies[0]?.calls.length).toBe(asked);
      now += 1;
    }
  });

  it("hand on what the chain itself says", async () => {
    for (const refusal of [{ code: 3, message: "execution reverted" }, { code: -32000, message: "nonce too low" }, { code: -32602, message: "invalid argument" }]) {
      (proxies[0] as MisbehavingProxy).behave = () => "pass";
      const rpc = open();
      await rpc.balance();
      spoil(0, (method) => (method === "eth_getBalance" ? refusal : undefined));
      const asked = proxies[1]?.calls.length;
      await expect(rpc.balance()).rejects.toThrow();
      expect(proxies[1]?.calls.length).toBe(asked);
    }
  });

  it("fail only when all fail", async () => {
    const rpc = open();
    for (const i of [0, 1, 2]) spoil(i, "cut");
    await expect(rpc.balance()).rejects.toThrow();
  });

  it("leave one behind whose head is old, and take it back when it has caught up", async () => {
    spoil(0, latest(HEAD - 100, HEAD - 100));
    const rpc = open();
    expect(await rpc.balance()).toBe(2);
    expect(rpc.health()[0]).toMatchObject({ healthy: false, headAgeSeconds: 100, reason: "its head is behind" });
    (proxies[0] as MisbehavingProxy).behave = (method) => (method === "eth_getBalance" ? { result: "0x1" } : "pass");
    now += 5_000;
    await rpc.balance();
    await until("it is healthy again", () => rpc.health()[0]?.healthy === true);
    expect(await rpc.balance()).toBe(1);
  });

  it("use an old head rather than none", async () => {
    spoil(0, latest(HEAD - 100, HEAD - 100));
    const rpc = open(2);
    await rpc.balance();
    spoil(1, "cut");
    expect(await rpc.balance()).toBe(1);
  });

  it("do not believe a head from the future, nor a number that is only large", async () => {
    spoil(1, latest(HEAD + 5_000_000, HEAD));
    spoil(2, latest(HEAD + 5_000_000, HEAD + 3_600));
    const rpc = open();
    expect(await rpc.balance()).toBe(1);
    expect(rpc.health().map(({ healthy }) => healthy)).toEqual([true, true, false]);
    expect(rpc.health()[2]?.reason).toBe("its head is in the future");
  });

  it("leave one out that is on another chain than most, even where it is the first", async () => {
    spoil(0, (method, params) => (method === "eth_getBlockByNumber" && params[0] !== "latest" ? { result: block(Number(params[0]), Number(params[0]), 7) } : undefined));
    const rpc = open();
    expect(await rpc.balance()).toBe(2);
    expect(rpc.health()[0]).toMatchObject({ healthy: false, reason: "its chain differs from the others'" });
    for (const i of [1, 2]) spoil(i, "cut");
    await expect(rpc.balance(), "a wrong chain is worse than none").rejects.toThrow();
  });

  it("of two that differ, keep to the first", async () => {
    spoil(1, (method, params) => (method === "eth_getBlockByNumber" && params[0] !== "latest" ? { result: block(Number(params[0]), Number(params[0]), 7) } : undefined));
    const rpc = open(2);
    expect(await rpc.balance()).toBe(1);
    expect(rpc.health().map(({ healthy }) => healthy)).toEqual([true, false]);
  });

  it("leave a range that is too large to the caller", async () => {
    const rpc = open();
    const client = createPublicClient({ transport: rpc.transport });
    await rpc.balance();
    spoil(0, (method) => (method === "eth_getLogs" ? { code: -32005, message: "query returned more than 10000 results" } : undefined));
    await expect(client.getLogs({ fromBlock: 0n, toBlock: 10n })).rejects.toThrow();
    expect(rpc.health()[0]?.healthy).toBe(true);
  });
});

describe("logs that are left out", () => {
  const readLogs = async (rpc: Endpoints): Promise<number> => (await createPublicClient({ transport: rpc.transport }).getLogs({ address: ADDRESS as `0x${string}`, fromBlock: 700n, toBlock: 1_000n })).length;
  /** Reads logs, and lets the next look at all heads compare them. */
  const compare = async (rpc: ReturnType<typeof open>): Promise<void> => {
    await readLogs(rpc);
    now += 5_000;
    await rpc.balance();
    await until("all were asked for logs", () => proxies.slice(0, rpc.health().length).every(({ calls }) => calls.includes("eth_getLogs")));
  };
  const leaveOut = (method: string): Behaviour | undefined => (method === "eth_getLogs" ? { result: [] } : undefined);
  beforeEach(() => proxies.forEach(({ calls }) => calls.splice(0)));

  it("show in the endpoint's own receipts, also where only one other is there to compare with", async () => {
    spoil(0, leaveOut);
    const rpc = open(2);
    expect(await readLogs(rpc)).toBe(0);
    await compare(rpc);
    await until("the first is doubted", () => rpc.health()[0]?.healthy === false);
    expect(rpc.health().map(({ healthy, reason }) => [healthy, reason])).toEqual([[false, "it leaves out logs"], [true, undefined]]);
    expect(await readLogs(rpc)).toBe(4);
    expect(await rpc.balance()).toBe(2);
  });

  it("show by the majority where the endpoint denies the transactions, too", async () => {
    spoil(0, (method) => leaveOut(method) ?? (method === "eth_getTransactionReceipt" ? { result: null } : undefined));
    const rpc = open(3);
    await compare(rpc);
    await until("the first is doubted", () => rpc.health()[0]?.healthy === false);
    expect(rpc.health().map(({ healthy }) => healthy)).toEqual([false, true, true]);
  });

  it("are not found where one invents logs", async () => {
    spoil(1, (method) => (method === "eth_getLogs" ? { change: (logs: object[]) => [...logs, logAt(951)] } : undefined));
    const rpc = open(3);
    await compare(rpc);
    await until("receipts were asked for", () => [0, 2].every((i) => proxies[i]?.calls.includes("eth_getTransactionReceipt")));
    await rpc.balance();
    expect(rpc.health().map(({ healthy }) => healthy)).toEqual([true, true, true]);
  });

  it("are looked for at a bounded rate, in settled blocks only, and never twice in the same", async () => {
    const ranges: unknown[] = [];
    spoil(1, (method, params) => (method === "eth_getLogs" && ranges.push(params[0]), undefined));
    const rpc = open(2);
    await compare(rpc);
    for (let i = 0; i < 5; i++) {
      now += 6_000;
      await rpc.balance();
    }
    await until("heads were looked at", () => rpc.health()[1]?.headNumber === HEAD);
    expect(ranges).toEqual([{ address: ADDRESS, fromBlock: hex(HEAD - 8 - 255), toBlock: hex(HEAD - 8) }]);
  });

  it("make an endpoint the last to be asked for ten minutes, when somebody knows that it left some out", async () => {
    const rpc = open(2);
    await readLogs(rpc);
    rpc.doubtLogs();
    expect(rpc.health()[0]).toMatchObject({ healthy: false, reason: "it leaves out logs" });
    expect(await rpc.balance()).toBe(2);
    spoil(1, "cut");
    expect(await rpc.balance(), "better than none").toBe(1);
    now += 600_001;
    expect(await rpc.balance()).toBe(1);
    expect(rpc.health()[0]?.healthy).toBe(true);
  });
});

describe("one endpoint", () => {
  it("is asked again, also while it rests", async () => {
    const rpc = open(1, { retries: 2 });
    let failures = 0;
    spoil(0, () => (failures++ < 2 ? "cut" : undefined));
    expect(await rpc.balance()).toBe(1);
    spoil(0, "cut");
    await expect(rpc.balance()).rejects.toThrow();
    (proxies[0] as MisbehavingProxy).behave = () => ({ result: "0x9" });
    expect(await rpc.balance()).toBe(9);
  });
});
