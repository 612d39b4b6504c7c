import { parseEther, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { challengerMove } from "../../../protocol/dispute/challengerMove.ts";
import { innerRootOf, traceTree } from "../../../protocol/dispute/defenderMove.ts";
import { proveBlock } from "../../../protocol/dispute/proveBlock.ts";
import { refutationFromTrace, stepsTree } from "../../../protocol/dispute/refutation.ts";
import { replay, type RecordedMove } from "../../../protocol/dispute/replay.ts";
import { fromHex } from "../../../protocol/hex.ts";
import { encodeStep } from "../../../protocol/program/codec.ts";
import { sealOf } from "../../../protocol/program/sealOf.ts";
import type { Step } from "../../../protocol/program/types.ts";
import { pathProof } from "../../../protocol/trees/merkle.ts";
import { chooseBlock } from "../../../runtime/chain/calls/chooseNode.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { commitJob } from "../../../runtime/chain/calls/commitJob.ts";
import { demandElement } from "../../../runtime/chain/calls/demandElement.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { chooseBorder, descendBlock } from "../../../runtime/chain/calls/descendBlock.ts";
import { openBlock } from "../../../runtime/chain/calls/openBlock.ts";
import { openDispute } from "../../../runtime/chain/calls/openDispute.ts";
import { refute } from "../../../runtime/chain/calls/refute.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { sealRefutation } from "../../../runtime/chain/calls/sealRefutation.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { readDisputeMoves, type DisputeMove } from "../../../runtime/chain/reads/readDisputeMoves.ts";
import type { Parameters } from "../../../runtime/chain/types.ts";
import { answerDispute } from "../../../runtime/disputes/answerDispute.ts";
import { defendDispute, isDefendersTurn } from "../../../runtime/disputes/defendDispute.ts";
import { rootsOf, twoLevels } from "../../protocol/dispute/twoLevels.ts";
import { startLocalChain, type LocalChain } from "./localChain.ts";

// Steps 0 to 2 are a block: 0 and 2 are inside, and 1, which 2 and the other block read, is a border.
const { program, run } = twoLevels([0, 0, 1, 1], [false, false, false, true], 300);
const salt = `0x${"5a".repeat(32)}` as const;
let local: LocalChain;
let requester: Sender;
let challenger: Sender;
let parameters: Parameters;
beforeAll(async () => {
  local = await startLocalChain();
  [requester, challenger] = [await local.sender(), await local.sender()];
  parameters = await getParameters(local.chain);
  await registerModel(requester, program.header, zeroHash, "");
});
afterAll(() => local.stop());

/** A commitment to what follows from a lie in `step`, by a new executor if none is given. */
async function committed(step: number, by?: Sender) {
  const theirs = run({ step, element: 7 });
  const { programRoot, inputRoot, traceRoot } = rootsOf(program, theirs);
  const executor = by ?? (await local.sender());
  await depositStake(executor, parseEther("1"));
  const { jobId } = await submitJob(requester, { programRoot, inputRoot, fee: parseEther("0.01"), collateral: parseEther("0.2"), claimWindow: 600, deliveryWindow: 600, challengeWindow: 600 });
  await claimJob(executor, jobId);
  const outputs = program.header.outputs;
  await commitJob(executor, jobId, { header: program.header, traceRoot, outputRoots: outputs.map((i) => theirs.trace[i]!.root), proofs: outputs.map((i) => pathProof(traceTree(theirs.trace), i)) });
  return { theirs, executor, jobId, opening: { jobId, digest: (await getJob(local.chain, jobId)).digest, bond: parameters.rules.bond } };
}

const named = (stepIndex: number) => ({ stepIndex, step: encodeStep(program.steps[stepIndex] as Step), stepProof: pathProof(stepsTree(program), stepIndex) });

function recorded(move: DisputeMove): RecordedMove[] {
  switch (move.kind) {
    case "reveal":
      return [{ kind: "reveal", children: move.children.map(fromHex) }];
    case "choose":
    case "tensor":
    case "block":
    case "expand":
    case "descend":
    case "chunk":
      return [move];
    default:
      return [];
  }
}

describe("the calls of a dispute about a block", () => {
  it("open it, expand it, seal and convict, and are read back from the events", async () => {
    const { theirs, executor, jobId, opening } = await committed(0);
    const { disputeId } = await openBlock(challenger, opening, proveBlock(program, 0));
    const before = await getDispute(local.chain, disputeId);
    expect(before).toMatchObject({ phase: "expand", demands: 0, position: { source: 2, blockIndex: 0, innerRoot: zeroHash } });
    expect(isDefendersTurn(before)).toBe(true);
    // A bystander cannot, and does not fail for it.
    expect(await defendDispute(requester, before, opening.digest, theirs)).toBeUndefined();
    await expect(defendDispute(executor, before, opening.digest, { trace: theirs.trace })).rejects.toMatchObject({ code: "INNER_TRACE_MISSING" });
    expect(await defendDispute(executor, before, opening.digest, theirs)).toMatch(/^0x/);
    expect(await defendDispute(executor, before, opening.digest, theirs)).toBeUndefined();
    const innerRoot = innerRootOf(theirs.inner?.(0) ?? []);
    expect(await getDispute(local.chain, disputeId)).toMatchObject({ phase: "expanded", turn: 1, position: { innerRoot } });
    const witness = refutationFromTrace(program, theirs, 0, 7);
    const seal = sealOf(challenger.address, salt, witness);
    await expect(refute(challenger, disputeId, salt, witness)).rejects.toMatchObject({ details: { name: "NotSealed" } });
    await sealRefutation(challenger, disputeId, 1, seal);
    const sealed = await getDispute(local.chain, disputeId);
    expect(sealed).toMatchObject({ phase: "expanded", turn: 2, seal, sealedAt: sealed.turnStart });
    await local.pass(parameters.rules.sealAge);
    await refute(challenger, disputeId, salt, witness);
    expect((await getJob(local.chain, jobId)).status).toBe("open");
    const moves = await readDisputeMoves(local.chain, disputeId);
    expect(moves.map(({ kind }) => kind)).toEqual(["open", "block", "expand", "seal", "refute", "end"]);
    expect(moves[1]).toMatchObject({ turn: 0, block: 0 });
    expect(moves[2]).toMatchObject({ turn: 0, block: 0, innerRoot });
    expect(moves[3]).toMatchObject({ turn: 1, seal });
    expect(moves[4]).toMatchObject({ stepIndex: 0, element: 7, verdict: { fraud: true } });
  });

  it("are not expanded in a dispute that a reorganisation has put in the place of another", async () => {
    const first = await committed(0);
    const second = await committed(1, first.executor);
    const fork = await local.rpc("evm_snapshot");
    const { disputeId } = await openBlock(challenger, first.opening, proveBlock(program, 0));
    const seen = await getDispute(local.chain, disputeId);
    await local.rpc("evm_revert", [fork]);
    const { disputeId: other } = await openBlock(await local.sender(), second.opening, proveBlock(program, 0));
    expect(other).toBe(disputeId);
    // The true root of the one commitment's block would convict in the dispute about the other.
    expect(await defendDispute(first.executor, seen, first.opening.digest, first.theirs)).toBeUndefined();
    const instead = await getDispute(local.chain, other);
    expect(instead).toMatchObject({ jobId: second.jobId, phase: "expand", turn: 0 });
    expect(await defendDispute(first.executor, instead, second.opening.digest, second.theirs)).toMatch(/^0x/);
  });

  it("come to it by bisection, go into it, and out of it into a border", async () => {
    const own = run();
    const { theirs, executor, opening } = await committed(1);
    const { disputeId } = await openDispute(challenger, opening);
    const kinds: string[] = [];
    for (;;) {
      const dispute = await getDispute(local.chain, disputeId);
      const { phase, position, turn } = dispute;
      if (phase === "refute") break;
      if (isDefendersTurn(dispute)) {
        await defendDispute(executor, dispute, opening.digest, theirs);
        continue;
      }
      const record = (await readDisputeMoves(local.chain, disputeId)).flatMap(recorded);
      const move = challengerMove({ phase: phase as "choose", position }, { program, own, shown: replay(program.trace.length, record) });
      kinds.push(move?.kind ?? "");
      if (move?.kind === "chooseBlock") await chooseBlock(challenger, disputeId, turn, move, proveBlock(program, move.blockIndex));
      else if (move?.kind === "descend") await descendBlock(challenger, disputeId, turn);
      else if (move?.kind === "chooseBorder") await chooseBorder(challenger, disputeId, turn, move, named(move.stepIndex));
      else break;
    }
    expect(kinds).toEqual(["chooseBlock", "descend", "chooseBorder", "choose"]);
    expect((await getDispute(local.chain, disputeId)).position).toMatchObject({ source: 2, tensor: 0, stepIndex: 1 });
  });

  it("demand an inner element, which is expanded and answered", async () => {
    const { theirs, executor, opening } = await committed(2);
    const bond = parameters.rules.demandBond;
    const { disputeId } = await demandElement(challenger, { ...opening, bond }, { ...named(0), element: 3, block: proveBlock(program, 0) });
    const asked = await getDispute(local.chain, disputeId);
    expect(asked).toMatchObject({ phase: "expand", demands: 1, bond, position: { source: 3, tensor: 0, stepIndex: 0, index: 3 } });
    await defendDispute(executor, asked, opening.digest, theirs);
    expect(await answerDispute(requester, await getDispute(local.chain, disputeId), program, theirs)).toMatch(/^0x/);
    const moves = await readDisputeMoves(local.chain, disputeId);
    expect(moves.map(({ kind }) => kind)).toEqual(["open", "block", "demand", "expand", "answer"]);
    expect(moves[2]).toMatchObject({ turn: 1, source: 3, tensor: 0, element: 3 });
  });
});
