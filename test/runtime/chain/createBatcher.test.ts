import { parseEther, zeroHash, type TransactionReceipt } from "viem";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import type { ProgramHeader } from "../../../protocol/program/types.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { buildTree, pathProof } from "../../../protocol/trees/merkle.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { commitJob } from "../../../runtime/chain/calls/commitJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { expireJob } from "../../../runtime/chain/calls/expireJob.ts";
import { finalizeJob } from "../../../runtime/chain/calls/finalizeJob.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import { createBatcher } from "../../../runtime/chain/createBatcher.ts";
import type { ContractCall } from "../../../runtime/chain/contracts.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { isRevert } from "../../../runtime/chain/revertError.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { startLocalChain, until, type LocalChain } from "./localChain.ts";

const tensors = Uint8Array.from({ length: 96 }, (_, i) => (i * 31) & 255);
const header: ProgramHeader = { version: 1, graph: zeroHash, inputs: zeroHash, stepsRoot: zeroHash, blocksRoot: zeroHash, stepCount: 3, blockCount: 1, inputCount: 1, traceCount: 3, outputs: [2] };
const claim = { header, traceRoot: toHex(listRoot("trace", tensors)), outputRoots: [toHex(tensors.subarray(64))], proofs: [pathProof(buildTree(tensors), 2)] };
const collateral = parseEther("0.1");

let local: LocalChain;
let requester: Sender;
let programRoot: Hex;
beforeAll(async () => {
  local = await startLocalChain();
  requester = await local.sender();
  ({ programRoot } = await registerModel(requester, header, zeroHash, ""));
});
afterEach(() => local.auto());
afterAll(() => local.stop());

const submit = async (count: number, changes: object = {}): Promise<bigint[]> => {
  const ids: bigint[] = [];
  for (let i = 0; i < count; i++) ids.push((await submitJob(requester, { programRoot, inputRoot: zeroHash, fee: parseEther("0.01"), collateral, claimWindow: 600, deliveryWindow: 600, challengeWindow: 60, ...changes })).jobId);
  return ids;
};
const logger = silentLogger();

/** An executor with stake for so many jobs, and what its batcher sent. */
async function executor(stake: number, options: Parameters<typeof createBatcher>[2] = {}): Promise<{ plain: Sender; batcher: Sender; sent: ContractCall[] }> {
  const plain = await local.sender();
  await depositStake(plain, collateral * BigInt(stake));
  const sent: ContractCall[] = [];
  const watched: Sender = { ...plain, send: (call, how) => (sent.push(call), plain.send(call, how)) };
  return { plain, batcher: createBatcher(watched, { logger }, { gatherMs: 400, ...options }), sent };
}
const names = (sent: readonly ContractCall[]): string[] => sent.map(({ functionName, args }) => (functionName === "batch" ? `batch of ${(args[0] as Hex[]).length}` : functionName));
const statuses = (ids: readonly bigint[]): Promise<string[]> => Promise.all(ids.map(async (id) => (await getJob(local.chain, id)).status));

describe("createBatcher", () => {
  it("takes many jobs through all steps in a transaction a step, each caller with what is its own", async () => {
    const { batcher, sent, plain } = await executor(4);
    const ids = await submit(4);
    const claimed = await Promise.all(ids.map((id) => claimJob(batcher, id)));
    expect(new Set(claimed.map(({ receipt }) => receipt.transactionHash)).size).toBe(1);
    expect(claimed.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
    const committed = await Promise.all(ids.map((id) => commitJob(batcher, id, claim)));
    expect(committed.map(({ outputRoot, receipt }) => [outputRoot, receipt.logs.length])).toEqual(ids.map(() => [toHex(listRoot("outputs", tensors.subarray(64))), 1]));
    await local.pass(61);
    await Promise.all(ids.map((id) => finalizeJob(batcher, id)));
    expect(await statuses(ids)).toEqual(["final", "final", "final", "final"]);
    expect(names(sent)).toEqual(["batch of 4", "batch of 4", "batch of 4"]);
    expect((await getStakeAccount(local.chain, plain.address)).credits).toBe(parseEther("0.04"));
  });

  it("sends a step that is alone by itself, and other calls past those that gather", async () => {
    const { batcher, sent } = await executor(2, { gatherMs: 1_000 });
    const [id] = (await submit(1)) as [bigint];
    const claiming = claimJob(batcher, id);
    await depositStake(batcher, 1n);
    await claiming;
    expect(names(sent)).toEqual(["deposit", "claim"]);
  });

  it("waits for others as long as steps keep coming", async () => {
    const { batcher, sent } = await executor(12, { gatherMs: 1_500 });
    const ids = await submit(12);
    const digests = await Promise.all(ids.map(async (id) => (await getJob(local.chain, id)).digest));
    const claims: Promise<unknown>[] = [];
    for (const [i, jobId] of ids.slice(0, 4).entries()) {
      claims.push(claimJob(batcher, jobId, { digest: digests[i] as Hex }));
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    await Promise.all(claims);
    expect(names(sent)).toEqual(["batch of 4"]);
    const hasty = await executor(8, { gatherMs: 400 });
    const stream: Promise<unknown>[] = [];
    for (const [i, jobId] of ids.slice(4).entries()) {
      stream.push(claimJob(hasty.batcher, jobId, { digest: digests[i + 4] as Hex }));
      await new Promise((resolve) => setTimeout(resolve, i === 5 ? 2_000 : 5));
    }
    await Promise.all(stream);
    expect(names(hasty.sent)).toEqual(["batch of 6", "batch of 2"]);
  });

  it("rejects a call that would fail before anything is spent on it, and one that fails meanwhile, with the error of a call of its own", async () => {
    const { batcher, sent } = await executor(5);
    const rival = (await executor(5)).plain;
    const [first, taken, third, raced] = (await submit(4)) as [bigint, bigint, bigint, bigint];
    await claimJob(rival, taken);
    // The rival's claim of the last one is mined before the batch, and after its trial.
    await local.manual();
    const ahead = claimJob(rival, raced);
    await until("the rival's claim is in the pool", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 1);
    const claims = Promise.allSettled([first, taken, third, raced].map((id) => claimJob(batcher, id)));
    await until("the batch is in the pool", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 2);
    await local.mine();
    await ahead;
    const results = await claims;
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    const [, before, , meanwhile] = results.map((result) => (result.status === "rejected" ? (result.reason as { details: Record<string, unknown> }) : undefined));
    expect(isRevert(before, "WrongStatus") && isRevert(meanwhile, "WrongStatus")).toBe(true);
    expect([before?.details["transaction"], typeof meanwhile?.details["transaction"]]).toEqual([undefined, "string"]);
    expect(names(sent)).toEqual(["batch of 3"]);
  });

  it("tells those for which the stake no longer suffices, once the others have it", async () => {
    const { batcher, sent } = await executor(2);
    const ids = await submit(3);
    const results = await Promise.allSettled(ids.map((id) => claimJob(batcher, id)));
    // Which of them comes last is not settled.
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toHaveLength(1);
    expect(isRevert(refused[0]?.reason, "InsufficientStake")).toBe(true);
    expect(names(sent)).toEqual(["batch of 2", "claim"]);
  });

  it("bounds a batch by calls and by bytes, and asks of one job one thing at a time", async () => {
    const few = await executor(5, { maxCalls: 2 });
    const ids = await submit(5);
    await Promise.all(ids.map((id) => claimJob(few.batcher, id)));
    expect(names(few.sent)).toEqual(["batch of 2", "batch of 2", "claim"]);
    const small = await executor(3, { maxBytes: 1_000 });
    await Promise.all((await submit(3)).map((id) => claimJob(small.batcher, id)));
    expect(names(small.sent)).toEqual(["batch of 2", "claim"]);
    await local.pass(601);
    const twice = await Promise.allSettled([...ids, ids[0] as bigint].map((id) => expireJob(few.batcher, id)));
    expect(twice.map(({ status }) => status)).toEqual([...ids.map(() => "fulfilled"), "rejected"]);
    expect(await statuses(ids)).toEqual(ids.map(() => "open"));
  });

  it("halves a batch that needs more gas than a transaction may have", async () => {
    const { plain } = await executor(4);
    const sent: string[] = [];
    const narrow: Sender = {
      ...plain,
      async send(call, how): Promise<TransactionReceipt> {
        sent.push(...names([call]));
        if (call.functionName === "batch" && (call.args[0] as Hex[]).length > 2) throw new GainsayError("too much", { code: "CHAIN_GAS_LIMIT" });
        return plain.send(call, how);
      },
    };
    const batcher = createBatcher(narrow, { logger }, { gatherMs: 400 });
    const ids = await submit(4);
    await Promise.all(ids.map((id) => claimJob(batcher, id)));
    expect(sent).toEqual(["batch of 4", "batch of 2", "batch of 2"]);
    expect(await statuses(ids)).toEqual(ids.map(() => "claimed"));
  });

  it("lets a caller go, keeps the others, and gives a transaction up when nobody waits for it any more", async () => {
    const { batcher, plain } = await executor(4);
    const ids = (await submit(3)) as [bigint, bigint, bigint];
    const gone = new AbortController();
    const early = claimJob(batcher, ids[0], { signal: gone.signal });
    const rest = [claimJob(batcher, ids[1]), claimJob(batcher, ids[2])];
    gone.abort();
    await expect(early).rejects.toMatchObject({ code: "ABORTED" });
    await Promise.all(rest);
    expect(await statuses(ids)).toEqual(["open", "claimed", "claimed"]);
    await local.manual();
    const all = new AbortController();
    const late = Promise.allSettled(ids.slice(1).map((id) => commitJob(batcher, id, claim, { signal: all.signal })));
    await until("the batch is in the pool", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 1);
    all.abort();
    expect((await late).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    // The sender is free for other calls at once, and what was sent is still included.
    const next = depositStake(plain, 1n);
    await until("the deposit is in the pool", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 2);
    await local.mine();
    await next;
    expect(await statuses(ids)).toEqual(["open", "committed", "committed"]);
  });
});
