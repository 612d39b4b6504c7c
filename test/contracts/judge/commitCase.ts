import { zeroHash } from "viem";
import { toHex } from "../../../protocol/hex.ts";
import { buildWitness, type CommittedTensor } from "../../../protocol/judge/buildWitness.ts";
import { claimOf } from "../../../protocol/program/claim.ts";
import { concat, encodeStep, programRoot } from "../../../protocol/program/codec.ts";
import type { RawElement } from "../../../protocol/program/elements.ts";
import { dtypeBytes, type Claim, type ProgramHeader, type Source, type Step, type Witness } from "../../../protocol/program/types.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { buildTree, pathProof } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { Case } from "./randomCase.ts";
import { Random } from "./random.ts";

export interface Committed {
  claim: Claim;
  witness: Witness;
  step: Step;
}

/**
 * Commits to a case as an executor would, in a program of a few steps, and builds the witness for its element. With `change`
 * the program and the witness have the changed descriptor, and the openings are still those of the right one.
 */
export function commitCase({ step: bare, operands, element }: Case, claimed: RawElement, random: Random, change: (step: Step) => Step = (step) => step): Committed {
  const trace: Uint8Array[] = [];
  const inputs: Uint8Array[] = [sha256(Uint8Array.of(1))];
  const inner: Uint8Array[] = [sha256(Uint8Array.of(2))];
  const listOf = (source: Source): Uint8Array[] => (source === 0 ? inputs : source === 2 ? trace : inner);
  const filler = () => trace.push(sha256(Uint8Array.of(random.int(0, 255))));
  filler();
  const step: Step = { ...bare, blockIndex: random.int(0, 9), result: { ...bare.result }, operands: [] };
  const tensors: { bytes: Uint8Array; root: Uint8Array; source: Source; index: number }[] = [];
  operands.forEach((bytes, i) => {
    const root = tensorRoot(bytes);
    const source = random.pick<Source>([0, 1, 2, 3]);
    const index = source === 1 ? 0 : listOf(source).push(root) - 1;
    if (random.chance(0.3)) filler();
    tensors.push({ bytes, root, source, index });
    step.operands.push({ ...(bare.operands[i] as Step["operands"][number]), source, index, root: source === 1 ? toHex(root) : zeroHash });
  });
  const elements = step.result.shape.reduce((a, b) => a * b, 1);
  const size = dtypeBytes[step.result.dtype];
  // Neighbours of the element that look like data: zeros would be cheaper than what executors commit to.
  const bytes = Uint8Array.from({ length: elements * size }, (_, i) => (i * 167 + 13) & 0xff);
  const word = BigInt.asUintN(8 * size, BigInt(claimed));
  for (let i = 0; i < size; i++) bytes[element * size + i] = Number((word >> BigInt(8 * i)) & 0xffn);
  const resultRoot = tensorRoot(bytes);
  step.result.source = random.pick<Source>([2, 3]);
  step.result.index = listOf(step.result.source).push(resultRoot) - 1;
  const stepHashes = [sha256(Uint8Array.of(7)), sha256(encodeStep(change(step))), sha256(Uint8Array.of(8))];
  const header: ProgramHeader = {
    version: 1, graph: someHash(1), inputs: someHash(2), blocksRoot: someHash(3),
    stepsRoot: toHex(listRoot("steps", concat(stepHashes))),
    stepCount: 3, blockCount: 1, inputCount: inputs.length, traceCount: trace.length, outputs: [0],
  };
  const commit = (source: Source, index: number, root: Uint8Array, data: Uint8Array): CommittedTensor => ({
    bytes: data,
    leaves: tensorLeaves(data),
    root: toHex(root),
    proof: source === 1 ? [] : pathProof(buildTree(concat(listOf(source))), index),
  });
  const built = buildWitness({
    header, stepIndex: 1, step, stepHashes: concat(stepHashes), element,
    tensors: {
      result: commit(step.result.source, step.result.index, resultRoot, bytes),
      operands: tensors.map((tensor) => commit(tensor.source, tensor.index, tensor.root, tensor.bytes)),
    },
  });
  const witness: Witness = { ...built, step: encodeStep(change(step)) };
  const claim = claimOf(
    { programRoot: programRoot(header), inputRoot: toHex(listRoot("inputs", concat(inputs))), traceRoot: toHex(listRoot("trace", concat(trace))) },
    { innerRoot: toHex(listRoot("inner", concat(inner))), blockIndex: step.blockIndex, innerCount: inner.length },
  );
  return { claim, witness, step: change(step) };
}

function someHash(of: number) {
  return toHex(sha256(Uint8Array.of(of)));
}
