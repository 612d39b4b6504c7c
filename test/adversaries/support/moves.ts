import { randomBytes } from "node:crypto";
import { childChoice, revealedChildren } from "../../../protocol/dispute/bisection.ts";
import { treeOf } from "../../../protocol/dispute/defenderMove.ts";
import { refutationFromTrace, stepsTree } from "../../../protocol/dispute/refutation.ts";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { encodeStep } from "../../../protocol/program/codec.ts";
import { sealOf } from "../../../protocol/program/sealOf.ts";
import type { Step, Witness } from "../../../protocol/program/types.ts";
import { pathProof } from "../../../protocol/trees/merkle.ts";
import { chooseNode, chooseTensor } from "../../../runtime/chain/calls/chooseNode.ts";
import type { DemandedElement } from "../../../runtime/chain/calls/demandElement.ts";
import { openDispute } from "../../../runtime/chain/calls/openDispute.ts";
import { timeoutDispute } from "../../../runtime/chain/calls/timeoutDispute.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import type { Dispute, DisputePhase } from "../../../runtime/chain/types.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { Committed } from "../../e2e/support/players.ts";
import { until } from "../../runtime/chain/localChain.ts";
import { PATIENCE_MS, type Town } from "./createTown.ts";
import type { Subject } from "./subjects.ts";

export const tensorsOf = ({ weight }: Subject, trace: Trace): ExecutionTensors => ({ inputs: trace.inputs, trace: trace.tensors, weight });

export const witnessOf = (subject: Subject, trace: Trace, stepIndex: number, element: number): Witness => refutationFromTrace(subject.loaded.program, tensorsOf(subject, trace), stepIndex, element);

/** Opens a bisection. */
export async function bisect({ parameters }: Town, by: Sender, job: Committed): Promise<bigint> {
  return (await openDispute(by, { jobId: job.id, digest: job.digest, bond: parameters.rules.bond })).disputeId;
}

/** Opens a dispute with a sealed witness; it is of a fraud or not. */
export async function seal({ parameters }: Town, by: Sender, job: Committed, witness: Witness): Promise<{ disputeId: bigint; salt: Hex }> {
  const salt = toHex(randomBytes(32));
  const { disputeId } = await openDispute(by, { jobId: job.id, digest: job.digest, seal: sealOf(by.address, salt, witness), bond: parameters.rules.bond });
  return { disputeId, salt };
}

/** Chooses, of the nodes that were revealed, the one above this tensor, and then the one above this chunk. */
export async function chooseTowards({ chain }: Town, by: Sender, { loaded }: Subject, trace: Trace, disputeId: bigint, tensor: number, chunk = 0): Promise<void> {
  const dispute = await getDispute(chain, disputeId);
  const { levels, index: at, byteLength } = dispute.position;
  const children = revealedChildren(treeOf(dispute.position, { trace: trace.tensors }), { height: levels, index: at });
  const below = levels - Math.log2(children.length);
  const leaf = byteLength === 0 ? tensor : chunk;
  const choice = childChoice(children, Math.floor(leaf / 2 ** below) - at * children.length);
  if (byteLength > 0 || below > 0) return void (await chooseNode(by, disputeId, dispute.turn, choice));
  const stepIndex = loaded.program.steps.findIndex(({ result }) => result.index === tensor);
  const named = { stepIndex, step: encodeStep(loaded.program.steps[stepIndex] as Step), stepProof: pathProof(stepsTree(loaded.program), stepIndex) };
  await chooseTensor(by, disputeId, dispute.turn, choice, named);
}

export function demandOf({ loaded: { program } }: Subject, stepIndex: number, element: number): DemandedElement {
  return { stepIndex, element, step: encodeStep(program.steps[stepIndex] as Step), stepProof: pathProof(stepsTree(program), stepIndex) };
}

/** Resolves to the dispute once it is in one of these phases. */
export async function inPhase({ chain }: Town, disputeId: bigint, ...phases: DisputePhase[]): Promise<Dispute> {
  let dispute: Dispute | undefined;
  await until(`dispute ${disputeId} is in ${phases.join(" or ")}`, async () => phases.includes((dispute = await getDispute(chain, disputeId)).phase), PATIENCE_MS);
  return dispute as Dispute;
}

/** Lets the clock of whoever is to move run out, and ends the dispute unless somebody else does so. */
export async function runOut(town: Town, by: Sender, disputeId: bigint): Promise<Dispute> {
  const { deadline } = await getDispute(town.chain, disputeId);
  await town.clock.passTo(deadline + 1);
  await timeoutDispute(by, disputeId).catch(() => undefined);
  return inPhase(town, disputeId, "ended");
}
