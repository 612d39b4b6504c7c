import { createPublicClient, custom } from "viem";
import { hardhat } from "viem/chains";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { programRoot } from "../../../protocol/program/codec.ts";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { cancelJob } from "../../../runtime/chain/calls/cancelJob.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import type { Chain, Head } from "../../../runtime/chain/createChain.ts";
import { getJob, getJobs } from "../../../runtime/chain/reads/getJob.ts";
import { createLedger, type Ledger } from "../../../runtime/ledger/createLedger.ts";
import { createArena, type Arena } from "../../e2e/support/createArena.ts";
import { runDaemon, type Running } from "../../e2e/support/daemonParts.ts";
import { collateral, submittedJob } from "../../e2e/support/players.ts";
import { until } from "../chain/localChain.ts";

const bytes32 = (byte: string): Hex => `0x${byte.repeat(32)}`;
const header: ProgramHeader = { version: 1, graph: bytes32("01"), inputs: bytes32("02"), stepsRoot: bytes32("03"), blocksRoot: bytes32("04"), stepCount: 2, blockCount: 2, inputCount: 1, traceCount: 2, outputs: [1] };

describe("createLedger", () => {
  let arena: Arena;
  let rewind: () => Promise<void>;
  const running: Running[] = [];

  beforeAll(async () => {
    arena = await createArena();
    await registerModel(arena.sender("requester"), header, bytes32("05"), "bundle://test");
    await depositStake(arena.sender("executor"), 5n * collateral);
    rewind = await arena.checkpoint();
  });
  beforeEach(() => rewind());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });
  afterAll(() => arena.close());

  const follow = (chain: Chain = arena.chain, settledBlocks?: number): { ledger: Ledger; heads: Head[] } => {
    const heads: Head[] = [];
    const ledger = createLedger({ chain, pollingIntervalMs: 5, ...(settledBlocks === undefined ? {} : { settledBlocks }) });
    running.push(runDaemon((signal) => ledger.run((head) => void heads.push(head), signal)));
    return { ledger, heads };
  };
  const submit = (seed = 1): Promise<bigint> => submittedJob(arena, programRoot(header), { bytes: new Uint8Array([seed]), root: bytes32("06") });
  const seen = (ledger: Ledger, jobId: bigint, status: string | undefined): Promise<void> => until(`job ${jobId} is ${status}`, () => ledger.jobs.get(jobId)?.status === status);

  it("holds what the chain says of each job, past and new, and calls once a head", async () => {
    const past = await submit();
    const { ledger, heads } = follow();
    await seen(ledger, past, "open");
    const next = await submit(2);
    await seen(ledger, next, "open");
    await claimJob(arena.sender("executor"), next);
    await seen(ledger, next, "claimed");
    expect(ledger.jobs.get(past)?.status).toBe("open");
    expect(ledger.jobs.get(next)?.executor).toBe(arena.addresses.executor);
    await until("all heads were told", () => heads.length > 0);
    expect(new Set(heads.map(({ hash }) => hash)).size).toBe(heads.length);
    expect(heads.map(({ number }) => number)).toEqual([...heads.map(({ number }) => number)].sort((a, b) => Number(a - b)));
  });

  it("reads many jobs in one request, and tells those that are gone", async () => {
    const ids: bigint[] = [];
    for (let i = 0; i < 40; i++) ids.push(await submit(i));
    const { ledger } = follow();
    await until("all jobs are known", () => ids.every((id) => ledger.jobs.has(id)));
    const requests: string[] = [];
    const counting = createPublicClient({ chain: hardhat, transport: custom({ request: ({ method, params }: { method: string; params?: unknown[] }) => (requests.push(method), arena.rpc(method, params)) }, { retryCount: 0 }), cacheTime: 0 });
    const chain = { ...arena.chain, client: counting as unknown as Chain["client"] };
    expect((await getJobs(chain, ids)).map((job) => job instanceof GainsayError || job.id)).toEqual(ids);
    // Terms are looked for once, by two requests a job; afterwards the state alone is read.
    requests.length = 0;
    const again = await getJobs(chain, [...ids, 99n]);
    expect(requests).toEqual(["eth_call"]);
    expect(again.map((job) => (job instanceof GainsayError ? job.details["name"] : job.status))).toEqual([...ids.map(() => "open"), "UnknownJob"]);
    expect(again.slice(0, -1)).toEqual(await Promise.all(ids.map((id) => getJob(arena.chain, id))));
    requests.length = 0;
    // As many as one answer has room for, and one more.
    expect((await getJobs(chain, [...ids, ...ids].slice(0, 58))).every((job) => !(job instanceof GainsayError))).toBe(true);
    expect(requests).toEqual(["eth_call"]);
    expect(await getJobs(chain, [...ids, ...ids].slice(0, 59))).toHaveLength(59);
    expect(requests).toEqual(["eth_call", "eth_call", "eth_call"]);
  });

  it("knows the same after a restart", async () => {
    const [first, second] = [await submit(), await submit(2)];
    await claimJob(arena.sender("executor"), first);
    const before = follow();
    await seen(before.ledger, second, "open");
    await running.pop()?.stop();
    const after = follow();
    await seen(after.ledger, second, "open");
    expect([...after.ledger.jobs]).toEqual([...before.ledger.jobs]);
  });

  it("does not read at its start what ended long ago", async () => {
    const [over, open] = [await submit(), await submit(2)];
    await cancelJob(arena.sender("requester"), over);
    const fresh = await submit(3);
    await cancelJob(arena.sender("requester"), fresh);
    const read: unknown[] = [];
    const { client } = arena.chain;
    const multicall = ((request: { contracts: { functionName: string; args?: readonly unknown[] }[] }) => {
      for (const { functionName, args } of request.contracts) if (functionName === "getJob") read.push(args?.[0]);
      return client.multicall(request as never);
    }) as Chain["client"]["multicall"];
    // The second cancellation is two blocks younger than the first.
    const { ledger, heads } = follow({ ...arena.chain, client: { ...client, multicall } }, 2);
    await until("a head was told", () => heads.length > 0);
    expect([...ledger.jobs.keys()].sort()).toEqual([open, fresh]);
    expect(ledger.jobs.get(fresh)?.status).toBe("cancelled");
    expect(read).toContain(open);
    expect(read).not.toContain(over);
  });

  it("forgets a job whose block was replaced", async () => {
    const stays = await submit();
    const back = await arena.checkpoint();
    const { ledger } = follow();
    const goes = await submit(2);
    await seen(ledger, goes, "open");
    await back();
    await arena.pass(1);
    await seen(ledger, goes, undefined);
    expect(ledger.jobs.get(stays)?.status).toBe("open");
  });

  it("goes back with the chain: a claim that was undone is undone here, also if the new chain is longer", async () => {
    const jobId = await submit();
    const back = await arena.checkpoint();
    const { ledger } = follow();
    await claimJob(arena.sender("executor"), jobId);
    await seen(ledger, jobId, "claimed");
    await back();
    for (let i = 0; i < 3; i++) await arena.pass(1);
    await seen(ledger, jobId, "open");
    await claimJob(arena.sender("executor"), jobId);
    await seen(ledger, jobId, "claimed");
  });

  it("takes another job under the same number after a reorganisation", async () => {
    const back = await arena.checkpoint();
    const { ledger } = follow();
    const jobId = await submit();
    await seen(ledger, jobId, "open");
    await back();
    const again = await submittedJob(arena, programRoot(header), { bytes: new Uint8Array([9]), root: bytes32("07") });
    expect(again).toBe(jobId);
    await until("the job has the new input", () => ledger.jobs.get(jobId)?.inputRoot === bytes32("07"));
  });

  it("keeps an ended job for the settled blocks, in case it is revived, then forgets it", async () => {
    const jobId = await submit();
    const back = await arena.checkpoint();
    const { ledger } = follow(arena.chain, 6);
    await cancelJob(arena.sender("requester"), jobId);
    await seen(ledger, jobId, "cancelled");
    await back();
    await arena.pass(1);
    await seen(ledger, jobId, "open");
    await cancelJob(arena.sender("requester"), jobId);
    await seen(ledger, jobId, "cancelled");
    for (let i = 0; i < 6; i++) await arena.pass(1);
    await seen(ledger, jobId, undefined);
  });

  it("survives an endpoint that fails for a while, and misses nothing", async () => {
    let broken = true;
    const { client } = arena.chain;
    const flaky = { ...arena.chain, head: () => (broken ? Promise.reject(new Error("connection refused")) : arena.chain.head()), client } as Chain;
    const jobId = await submit();
    const { ledger, heads } = follow(flaky);
    await claimJob(arena.sender("executor"), jobId);
    expect(heads).toEqual([]);
    broken = false;
    await seen(ledger, jobId, "claimed");
  });

  describe("with an endpoint that leaves out logs", () => {
    /** The arena's chain without logs, and how often it was doubted. */
    const silent = (): { chain: Chain; doubts: () => number } => {
      let doubts = 0;
      const client = Object.create(arena.chain.client) as Chain["client"];
      Object.assign(client, { getLogs: async () => [] });
      return { chain: { ...arena.chain, client, doubtLogs: () => void doubts++ }, doubts: () => doubts };
    };

    it("knows of jobs by the contract's counter, and says who left them out", async () => {
      const { chain, doubts } = silent();
      const past = await submit();
      const { ledger } = follow(chain);
      await seen(ledger, past, "open");
      const next = await submit(2);
      await seen(ledger, next, "open");
      await claimJob(arena.sender("executor"), next);
      await seen(ledger, next, "claimed");
      expect(doubts()).toBe(0);
      for (let i = 0; i < 12; i++) await arena.pass(1);
      await until("the endpoint is doubted", () => doubts() > 0);
    });

    it("does not doubt one whose logs come later than its state", async () => {
      const { chain, doubts } = silent();
      const jobId = await submit();
      const { ledger, heads } = follow(chain);
      await seen(ledger, jobId, "open");
      Object.assign(chain.client, { getLogs: arena.chain.client.getLogs });
      for (let i = 0; i < 14; i++) await arena.pass(1);
      const { number } = await arena.chain.head();
      await until("all heads were told", () => heads.at(-1)?.number === number);
      expect(doubts()).toBe(0);
    });

    it("goes on with the others where one job's terms are not to be had", async () => {
      const { chain, doubts } = silent();
      const [first, second] = [await submit(), await submit(2)];
      const lacking = `0x${first.toString(16).padStart(64, "0")}`;
      Object.assign(chain.client, {
        request: async (call: { method: string; params: [{ topics?: unknown[] }] }) => (call.method === "eth_getLogs" && call.params[0].topics?.[1] === lacking ? [] : (arena.chain.client.request as (call: unknown) => Promise<unknown>)(call)),
      });
      const { ledger } = follow(chain);
      await seen(ledger, second, "open");
      expect(ledger.jobs.has(first)).toBe(false);
      await until("the endpoint is doubted", () => doubts() > 0);
    });
  });

  it("reads again what there is news of, and the rest now and then", async () => {
    const [quiet, busy] = [await submit(), await submit(2)];
    const asked = new Map<bigint, number>();
    const reading = { ...arena.chain.client, multicall: (request: { contracts: { functionName: string; args: readonly unknown[] }[] }) => {
      for (const { functionName, args } of request.contracts) if (functionName === "getJob") asked.set(args[0] as bigint, (asked.get(args[0] as bigint) ?? 0) + 1);
      return arena.chain.client.multicall(request as never);
    } };
    const { ledger, heads } = follow({ ...arena.chain, client: reading } as unknown as Chain);
    await seen(ledger, busy, "open");
    const pass = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const { hash } = await arena.pass(1);
        await until("the head was told", () => heads.at(-1)?.hash === hash);
      }
    };
    await pass(3);
    const before = new Map(asked);
    await claimJob(arena.sender("executor"), busy);
    await seen(ledger, busy, "claimed");
    await pass(2);
    expect(asked.get(quiet)).toBe(before.get(quiet));
    expect(asked.get(busy)).toBeGreaterThan(before.get(busy) ?? 0);
    await pass(16);
    expect(asked.get(quiet)).toBe((before.get(quiet) ?? 0) + 1);
    expect(ledger.jobs.get(quiet)?.status).toBe("open");
  });

  it("finds in the end what an endpoint has kept to itself", async () => {
    const jobId = await submit();
    let silent = false;
    const client = { ...arena.chain.client, getLogs: (request: never) => (silent ? Promise.resolve([]) : arena.chain.client.getLogs(request)) };
    const { ledger, heads } = follow({ ...arena.chain, client } as unknown as Chain);
    await seen(ledger, jobId, "open");
    for (let i = 0; i < 4; i++) await arena.pass(1);
    const { hash } = await arena.pass(1);
    await until("the head was told", () => heads.at(-1)?.hash === hash);
    silent = true;
    await claimJob(arena.sender("executor"), jobId);
    for (let i = 0; i < 20; i++) await arena.pass(1);
    await seen(ledger, jobId, "claimed");
  });
});
