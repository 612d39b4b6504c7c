import { parseEther, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { concat, encodeStep, inputsHash, programRoot, stepsRoot } from "../../../protocol/program/codec.ts";
import { sealOf } from "../../../protocol/program/sealOf.ts";
import { claimOf } from "../../../protocol/program/claim.ts";
import type { ProgramHeader, Step, Witness } from "../../../protocol/program/types.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { buildTree, pathProof } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { cancelJob } from "../../../runtime/chain/calls/cancelJob.ts";
import { chooseNode, chooseTensor } from "../../../runtime/chain/calls/chooseNode.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { collectCredits } from "../../../runtime/chain/calls/collectCredits.ts";
import { commitJob } from "../../../runtime/chain/calls/commitJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { expireJob } from "../../../runtime/chain/calls/expireJob.ts";
import { finalizeJob } from "../../../runtime/chain/calls/finalizeJob.ts";
import { openDispute } from "../../../runtime/chain/calls/openDispute.ts";
import { refute } from "../../../runtime/chain/calls/refute.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { requestWithdrawal } from "../../../runtime/chain/calls/requestWithdrawal.ts";
import { revealNode } from "../../../runtime/chain/calls/revealNode.ts";
import { submitJob, type Submission } from "../../../runtime/chain/calls/submitJob.ts";
import { timeoutDispute } from "../../../runtime/chain/calls/timeoutDispute.ts";
import { withdrawStake } from "../../../runtime/chain/calls/withdrawStake.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob, getJobCount } from "../../../runtime/chain/reads/getJob.ts";
import { findModel, getModel } from "../../../runtime/chain/reads/getModel.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { judgeCall } from "../../../runtime/chain/reads/judgeCall.ts";
import { readDisputeMoves } from "../../../runtime/chain/reads/readDisputeMoves.ts";
import { readCommitment, readJobDisputes, readJobEvents, readRegistration } from "../../../runtime/chain/reads/readJobEvents.ts";
import { readJobInput } from "../../../runtime/chain/reads/readJobInput.ts";
import type { Parameters } from "../../../runtime/chain/types.ts";
import { getEvents } from "../../../runtime/chain/getEvents.ts";
import { startMisbehavingProxy } from "./misbehavingProxy.ts";
import { startLocalChain, type LocalChain } from "./localChain.ts";

/** A step that doubles nothing: the identity on two float32 numbers, enough to have a program with a header that checks. */
const identity: Step = {
  version: 1,
  kind: 2,
  op: 0,
  profile: 1,
  blockIndex: 0,
  result: { dtype: 1, source: 2, index: 2, shape: [2] },
  reduce: [],
  operands: [{ role: 2, dtype: 1, source: 0, index: 0, root: zeroHash, elements: 2, access: { offset: 0, outStrides: [1], reduceStrides: [], windows: [], stages: [] } }],
  expression: new Uint8Array(),
  attributes: new Uint8Array(),
};
const header: ProgramHeader = {
  version: 1,
  graph: toHex(sha256(new Uint8Array([1]))),
  inputs: inputsHash([{ name: "x", dtype: 1, shape: [2] }]),
  stepsRoot: stepsRoot([identity, identity, identity]),
  blocksRoot: zeroHash,
  stepCount: 3,
  blockCount: 3,
  inputCount: 1,
  traceCount: 3,
  outputs: [2],
};
const root = programRoot(header);
const tensors = [1, 2, 3].map((byte) => sha256(new Uint8Array([byte])));
const traceTree = buildTree(concat(tensors));
const claim = { header, traceRoot: toHex(listRoot("trace", concat(tensors))), outputRoots: [toHex(tensors[2] as Uint8Array)], proofs: [pathProof(traceTree, 2)] };
const submission: Submission = { programRoot: root, inputRoot: toHex(sha256(new Uint8Array([9]))), fee: parseEther("0.01"), collateral: parseEther("0.2"), claimWindow: 600, deliveryWindow: 600, challengeWindow: 600 };

let local: LocalChain;
let requester: Sender;
let executor: Sender;
let challenger: Sender;
let parameters: Parameters;
beforeAll(async () => {
  local = await startLocalChain();
  [requester, executor, challenger] = [await local.sender(), await local.sender(), await local.sender()];
  parameters = await getParameters(local.chain);
  await depositStake(executor, parseEther("5"));
  const { modelId, programRoot: registered } = await registerModel(requester, header, zeroHash, "https://models.example/x");
  expect({ modelId, registered }).toEqual({ modelId: 1n, registered: root });
});
afterAll(() => local.stop());

async function committedJob(input?: Uint8Array): Promise<bigint> {
  const { jobId } = await submitJob(requester, input === undefined ? submission : { ...submission, input });
  await claimJob(executor, jobId);
  await commitJob(executor, jobId, claim);
  return jobId;
}

describe("a job's calls and reads", () => {
  it("goes from submission to finality, and each state reads as it was made", async () => {
    const { chain } = local;
    const input = new Uint8Array([1, 2, 3, 255]);
    const count = await getJobCount(chain);
    const { jobId, deadline } = await submitJob(requester, { ...submission, input });
    expect(jobId).toBe(count + 1n);
    expect(await getJob(chain, jobId)).toMatchObject({ ...{ ...submission, status: "open" }, id: jobId, deadline, requester: requester.address, executor: undefined, traceRoot: undefined, expiry: deadline - submission.claimWindow + parameters.limits.maxLifetime });
    expect(await readJobInput(chain, jobId)).toEqual(input);
    const claimed = await claimJob(executor, jobId);
    expect(await getJob(chain, jobId)).toMatchObject({ status: "claimed", attempt: claimed.attempt, deadline: claimed.deadline, executor: executor.address });
    expect(await getStakeAccount(chain, executor.address)).toMatchObject({ locked: submission.collateral, free: parseEther("5") - submission.collateral });
    const committed = await commitJob(executor, jobId, claim);
    expect(await getJob(chain, jobId)).toMatchObject({ status: "committed", traceRoot: claim.traceRoot, outputRoot: committed.outputRoot, deadline: committed.deadline });
    expect((await readCommitment(chain, jobId, claimed.attempt))?.args).toMatchObject({ executor: executor.address, outputRoots: claim.outputRoots });
    expect(await readCommitment(chain, jobId, claimed.attempt + 1)).toBeUndefined();
    await expect(finalizeJob(executor, jobId)).rejects.toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "DeadlineNotPassed" } });
    await local.pass(submission.challengeWindow + 1);
    await finalizeJob(executor, jobId);
    expect((await getJob(chain, jobId)).status).toBe("final");
    expect((await readJobEvents(chain, jobId)).map(({ name }) => name)).toEqual(["Submitted", "InputPublished", "Claimed", "Committed", "Finalized"]);
    const before = await getBalance(chain, executor.address);
    const receipt = await collectCredits(executor);
    expect(await getBalance(chain, executor.address)).toBe(before + submission.fee - receipt.gasUsed * receipt.effectiveGasPrice);
  });

  it("finds models by program, and no input where none was published", async () => {
    const { chain } = local;
    expect(await findModel(chain, root)).toEqual(await getModel(chain, 1n));
    expect(await findModel(chain, zeroHash)).toBeUndefined();
    expect((await readRegistration(chain, root))?.args).toMatchObject({ uri: "https://models.example/x", registrant: requester.address });
    expect(await readRegistration(chain, zeroHash)).toBeUndefined();
    const { jobId } = await submitJob(requester, submission);
    expect(await readJobInput(chain, jobId)).toBeUndefined();
    await cancelJob(requester, jobId);
    expect((await getJob(chain, jobId)).status).toBe("cancelled");
    await expect(registerModel(executor, header, zeroHash, "again")).rejects.toMatchObject({ details: { name: "AlreadyRegistered" } });
  });

  it("expires a claim without delivery, and withdraws stake after its delay", async () => {
    const { chain } = local;
    const { jobId } = await submitJob(requester, submission);
    await claimJob(executor, jobId);
    await local.pass(submission.deliveryWindow + 1);
    await expireJob(requester, jobId);
    expect(await getJob(chain, jobId)).toMatchObject({ status: "open", executor: undefined });
    await requestWithdrawal(executor, parseEther("1"));
    const account = await getStakeAccount(chain, executor.address);
    expect(account).toMatchObject({ pending: parseEther("1") });
    await expect(withdrawStake(executor)).rejects.toMatchObject({ details: { name: "WithdrawalTooEarly", args: { availableAt: BigInt(account.availableAt) } } });
    await local.pass(parameters.withdrawalDelay + 1);
    await withdrawStake(executor);
    expect((await getStakeAccount(chain, executor.address)).pending).toBe(0n);
  });
});

describe("getEvents", () => {
  it("reads all ranges, also where the node takes small ones only", async () => {
    await local.mine(40);
    const { jobId } = await submitJob(requester, submission);
    await cancelJob(requester, jobId);
    const proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
    const chain = await local.connect({ rpcUrls: [proxy.url] });
    const ranges: [number, number][] = [];
    proxy.behave = (method, [filter]) => {
      if (method !== "eth_getLogs") return "pass";
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      if (Number(toBlock) - Number(fromBlock) >= 10) return { code: -32005, message: "block range is too large" };
      ranges.push([Number(fromBlock), Number(toBlock)]);
      return "pass";
    };
    const names = ["Submitted", "Cancelled"] as const;
    expect(await getEvents(chain, { contract: "jobs", names })).toEqual(await getEvents(local.chain, { contract: "jobs", names }));
    expect(ranges[0]?.[0]).toBe(Number(local.devnet.deployment.block));
    for (const [i, [from]] of ranges.slice(1).entries()) expect(from).toBe((ranges[i]?.[1] ?? 0) + 1);
    expect((await getEvents(chain, { contract: "jobs", indexed: [jobId] })).map(({ name }) => name)).toEqual(["Submitted", "Cancelled"]);
    proxy.behave = () => "cut";
    await expect(getEvents(chain, { contract: "jobs", toBlock: 5n })).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    await proxy.stop();
  });

  it("asks for more again once the node takes it, and for no less where it is asked too often", async () => {
    await local.mine(40);
    const proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
    const chain = await local.connect({ rpcUrls: [proxy.url], retries: 0 });
    const widths: number[] = [];
    let refused = 3;
    proxy.behave = (method, [filter]) => {
      if (method !== "eth_getLogs") return "pass";
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      widths.push(Number(toBlock) - Number(fromBlock) + 1);
      return refused-- > 0 ? { code: -32005, message: "block range is too large" } : "pass";
    };
    await getEvents(chain, { contract: "jobs" });
    const [whole = 0, ...smaller] = widths;
    expect(smaller.slice(0, 3)).toEqual([Math.floor(whole / 2), Math.floor(whole / 4), Math.floor(whole / 8)]);
    expect(smaller[3]).toBe(2 * Math.floor(whole / 8));
    widths.length = 0;
    proxy.behave = (method) => (method === "eth_getLogs" ? (widths.push(1), { code: -32005, message: "request count exceeded, limit is 10 per second" }) : "pass");
    await expect(getEvents(chain, { contract: "jobs" })).rejects.toMatchObject({ code: "CHAIN_FAILED", retryable: true });
    expect(widths).toHaveLength(1);
    await proxy.stop();
  });
});

describe("a dispute's calls and reads", () => {
  it("rebuilds the moves of a bisection from its events", async () => {
    const { chain } = local;
    const jobId = await committedJob();
    const { attempt, digest } = await getJob(chain, jobId);
    const { disputeId } = await openDispute(challenger, { jobId, digest, bond: parameters.rules.bond });
    expect(await getDispute(chain, disputeId)).toMatchObject({ id: disputeId, jobId, attempt, phase: "reveal", outcome: "none", challenger: challenger.address, seal: undefined, position: { node: claim.traceRoot, byteLength: 0 } });
    const { turn } = await getDispute(chain, disputeId);
    const children = [...tensors, new Uint8Array(32)];
    await revealNode(executor, disputeId, turn, children);
    await expect(revealNode(requester, disputeId, turn, children)).rejects.toMatchObject({ details: { name: "MoveAlreadyMade" } });
    const choice = { index: 1, child: tensors[1] as Uint8Array, siblings: pathProof(traceTree, 1) };
    await expect(chooseNode(challenger, disputeId, turn + 1, choice)).rejects.toMatchObject({ code: "CONTRACT_REVERTED" });
    const named = { stepIndex: 1, step: encodeStep(identity), stepProof: pathProof(buildTree(concat([identity, identity, identity].map((step) => sha256(encodeStep(step))))), 1) };
    // The step defines tensor 2, and tensor 1 was chosen.
    await expect(chooseTensor(challenger, disputeId, turn + 1, { ...choice, siblings: [] }, named)).rejects.toMatchObject({ code: "CONTRACT_REVERTED" });
    const last = { index: 2, child: tensors[2] as Uint8Array, siblings: [] as Uint8Array[] };
    await chooseTensor(challenger, disputeId, turn + 1, { ...last, siblings: pathProof(traceTree, 2) }, named);
    expect((await getDispute(chain, disputeId)).position).toMatchObject({ tensor: 2, stepIndex: 1, byteLength: 8 });
    await expect(timeoutDispute(challenger, disputeId)).rejects.toMatchObject({ details: { name: "ClockStillRuns" } });
    await local.pass(parameters.maxDisputeDuration + 1);
    await timeoutDispute(requester, disputeId);
    expect(await getDispute(chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon", deadline: 0 });
    const moves = await readDisputeMoves(chain, disputeId);
    expect(moves.map(({ kind }) => kind)).toEqual(["open", "reveal", "choose", "tensor", "end"]);
    expect(moves[1]).toMatchObject({ turn, node: claim.traceRoot, children: children.map(toHex) });
    expect(moves[2]).toMatchObject({ index: 2, child: toHex(tensors[2] as Uint8Array) });
    expect(moves[3]).toMatchObject({ tensor: 2, stepIndex: 1, byteLength: 8, tensorRoot: toHex(tensors[2] as Uint8Array) });
    expect(moves[4]).toMatchObject({ outcome: "challengerWon", bondTo: challenger.address });
    expect((await readJobDisputes(chain, jobId)).map(({ args }) => args.disputeId)).toEqual([disputeId]);
    expect(await readDisputeMoves(chain, 999n)).toEqual([]);
    // An endpoint that leaves out any one of them is found out, and no move is made by what the others tell.
    for (const left of moves.keys()) {
      let doubts = 0;
      const request = async (asked: never): Promise<unknown> => {
        const answer = await chain.client.request(asked);
        return Array.isArray(answer) ? (answer as unknown[]).toSpliced(left, 1) : answer;
      };
      const forgetful = { ...chain, client: { ...chain.client, request } as typeof chain.client, doubtLogs: () => void doubts++ };
      await expect(readDisputeMoves(forgetful, disputeId)).rejects.toMatchObject({ code: "CHAIN_RECORD_MISSING", retryable: true });
      expect(doubts).toBeGreaterThan(0);
    }
  });

  it("names what is wrong with a bond, a seal and a witness", async () => {
    const { chain } = local;
    const other = await local.sender();
    await depositStake(other, parseEther("1"));
    const { jobId } = await submitJob(requester, submission);
    await claimJob(other, jobId);
    await commitJob(other, jobId, claim);
    const { digest } = await getJob(chain, jobId);
    const opening = { jobId, digest, bond: parameters.rules.bond };
    await expect(openDispute(challenger, { ...opening, bond: 1n })).rejects.toMatchObject({ details: { name: "WrongBond", args: { sent: 1n } } });
    const empty = { root: zeroHash, proof: [], ranges: [] };
    const witness: Witness = { header, stepIndex: 0, step: encodeStep(identity), stepProof: [], element: 0, result: empty, operands: [empty] };
    const salt = toHex(sha256(new Uint8Array([7])));
    const { disputeId } = await openDispute(challenger, { ...opening, seal: sealOf(challenger.address, salt, witness) });
    expect(await getDispute(chain, disputeId)).toMatchObject({ phase: "sealed", seal: sealOf(challenger.address, salt, witness) });
    await local.pass(1);
    await expect(refute(challenger, disputeId, zeroHash, witness)).rejects.toMatchObject({ details: { name: "WrongSeal" } });
    const asked = claimOf({ programRoot: root, inputRoot: submission.inputRoot, traceRoot: claim.traceRoot });
    const dry: unknown = await judgeCall(chain, asked, witness).catch((error: unknown) => error);
    expect(dry).toMatchObject({ code: "CONTRACT_REVERTED", details: { name: expect.any(String) as string } });
    // The same fault by either way: the dry run tells what the transaction would.
    await expect(refute(challenger, disputeId, salt, witness)).rejects.toMatchObject({ details: (dry as { details: object }).details });
  });
});
