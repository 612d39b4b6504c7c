import type { Hex } from "viem";
import { toHex } from "../../../protocol/hex.ts";
import { recordDigest } from "../../../runtime/chain/jobRecord.ts";
import { salt } from "../helpers/scenes.ts";
import { blockOf, borderOf, choiceOf, chunkOf, innerRootOf, nodesOf, sealHash, spoil, stepOf, termsOf, traceOf, witnessOf } from "./material.ts";
import type { BatchCall, Call, DisputeCall, JobCall, OpeningCall } from "./rules/calls.ts";
import type { Dispute, State } from "./rules/state.ts";
import type { Stage } from "./stage.ts";

const jobId = 1n;

interface Translated {
  contract: "stakes" | "jobs" | "disputes";
  args: readonly unknown[];
  value?: bigint;
}

/** Makes a call on the contracts, in the second after the state's; the name of the error that refuses it, or null. */
export function perform(stage: Stage, state: State, call: Call): Promise<string | null> {
  if (call.move === "batch") {
    const calls = call.calls.map((each) => stage.encode("jobs", each.move, translate(stage, state, each).args));
    return stage.send("jobs", "batch", [calls], { from: call.by, second: state.now + 1 });
  }
  const { contract, args, value = 0n } = translate(stage, state, call);
  return stage.send(contract, call.move, args, { from: call.by, value, second: state.now + 1 });
}

function translate(stage: Stage, state: State, call: Exclude<Call, BatchCall>): Translated {
  switch (call.move) {
    case "deposit":
      return { contract: "stakes", args: [call.amount], value: call.amount + call.payment };
    case "requestWithdrawal":
      return { contract: "stakes", args: [call.amount] };
    case "withdraw":
    case "collect":
      return { contract: "stakes", args: [] };
    case "submit":
      return { contract: "jobs", args: [stage.asked(state.now + 1)], value: stage.setting.fee + call.payment };
    case "claim":
    case "commit":
    case "expire":
    case "cancel":
    case "unfold":
    case "finalize":
    case "deliver":
      return { contract: "jobs", args: [jobId, termsOf(stage, state, call.record), ...jobArgs(stage, state, call)] };
    case "open":
    case "openBlock":
      return { contract: "disputes", args: openingArgs(stage, state, call), value: stage.setting.bond + call.payment };
    case "demand":
      return { contract: "disputes", args: openingArgs(stage, state, call), value: stage.setting.demandBond + call.payment };
    case "demandNext":
      return { contract: "disputes", args: disputeArgs(stage, state, call), value: stage.setting.demandBond + call.payment };
    default:
      return { contract: "disputes", args: disputeArgs(stage, state, call) };
  }
}

function jobArgs(stage: Stage, { job }: State, call: Exclude<JobCall, { move: "submit" }>): readonly unknown[] {
  if (call.move === "commit") {
    const { root, outputRoots, outputProofs } = traceOf(stage, call.commitment);
    return [stage.program.header, root, outputRoots, outputProofs];
  }
  if (call.move === "claim" || call.move === "expire" || call.move === "cancel") return [];
  const { root: traceRoot, outputRoot } = traceOf(stage, job.commitment ?? "a");
  return [{ traceRoot, outputRoot }];
}

function openingArgs(stage: Stage, state: State, call: OpeningCall): readonly unknown[] {
  const named = [jobId, digestOf(stage, state, call.commitment)];
  if (call.move === "open") return [...named, sealHash(stage, call.seal)];
  if (call.move === "openBlock") return [...named, blockOf(stage, call.block, call.proof)];
  return [...named, ...questionOf(stage, call)];
}

function disputeArgs(stage: Stage, state: State, call: DisputeCall): readonly unknown[] {
  const dispute = state.disputes[call.dispute] as Dispute;
  const id = BigInt(call.dispute + 1);
  switch (call.move) {
    case "reveal": {
      const nodes = nodesOf(stage, dispute).map(toHex);
      if (call.children === "missing") return [id, call.turn, nodes.slice(1)];
      return [id, call.turn, call.children === "right" ? nodes : nodes.map((node, i) => (i === 0 ? spoil(node) : node))];
    }
    case "choose":
      return [id, call.turn, ...choiceOf(stage, dispute, call)];
    case "chooseTensor":
      return [id, call.turn, ...choiceOf(stage, dispute, call), ...stepOf(stage, call.step)];
    case "chooseBlock":
      return [id, call.turn, ...choiceOf(stage, dispute, call), blockOf(stage, call.block)];
    case "chooseBorder":
      return [id, call.turn, ...borderOf(stage, dispute, call.step, call.proof)];
    case "revealChunk": {
      const data = chunkOf(stage, dispute);
      return [id, call.turn, call.data === "right" ? data : call.data === "short" ? data.slice(0, -2) : spoil(data)];
    }
    case "expand":
      return [id, call.turn, digestOf(stage, state, call.commitment), call.block, innerRootOf(stage, call.block, call.root)];
    case "descend":
      return [id, call.turn];
    case "seal":
      return [id, call.turn, sealHash(stage, call.seal)];
    case "refute":
      return [id, salt, witnessOf(stage, call.witness)];
    case "answer":
      return [id, call.turn, witnessOf(stage, call.witness)];
    case "demandNext":
      return [id, call.turn, digestOf(stage, state, call.commitment), ...questionOf(stage, call)];
    case "concede":
      return [id, call.turn, digestOf(stage, state, call.commitment)];
    case "timeout":
    case "close":
      return [id];
  }
}

function questionOf(stage: Stage, { step, element, block }: { step: number; element: number; block: number | null }): unknown[] {
  const [index, ...proved] = stepOf(stage, step);
  return [index, BigInt(element), ...proved, blockOf(stage, block)];
}

/** What names a commitment: the hash of all that was agreed, and of its roots. */
function digestOf(stage: Stage, state: State, commitment: string): Hex {
  const { root: traceRoot, outputRoot } = traceOf(stage, commitment);
  return recordDigest({ terms: termsOf(stage, state, "right"), commitment: { traceRoot, outputRoot } });
}
