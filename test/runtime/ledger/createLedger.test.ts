import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../protocol/hex.ts";
import { programRoot } from "../../../protocol/program/codec.ts";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { cancelJob } from "../../../runtime/chain/calls/cancelJob.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import type { Chain, Head } from "../../../runtime/chain/createChain.ts";
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
    const readContract = ((request: { functionName: string; args?: readonly unknown[] }) => {
      if (request.functionName === "getJob") read.push(request.args?.[0]);
      return client.readContract(request as never);
    }) as Chain["client"]["readContract"];
    // The second cancellation is two blocks younger than the first.
    const { ledger, heads } = follow({ ...arena.chain, client: { ...client, readContract } }, 2);
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
});
