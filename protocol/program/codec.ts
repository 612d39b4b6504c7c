import { toHex, type Hex } from "../hex.ts";
import { domainBytes } from "../trees/domains.ts";
import { listRoot } from "../trees/listTree.ts";
import { sha256 } from "../trees/sha256.ts";
import { abiEncode } from "./abiEncode.ts";
import { blockAbi, headerAbi, inputsAbi, stepAbi, witnessAbi } from "./abi.ts";
import type { Access, Block, Opening, ProgramHeader, ProvedBlock, Step, TensorSpec, Witness } from "./types.ts";

/** Descriptor bytes of a step: `abi.encode(Step)`. */
export function encodeStep(step: Step): Uint8Array {
  return abiEncode(stepAbi, [
    {
      ...step,
      operands: step.operands.map((operand) => ({ ...operand, elements: BigInt(operand.elements), access: accessToAbi(operand.access) })),
      expression: toHex(step.expression),
      attributes: toHex(step.attributes),
    },
  ]);
}

/** `H(descriptor)`. */
export function stepHash(step: Step): Uint8Array {
  return sha256(encodeStep(step));
}

/** List root over the descriptors' hashes. */
export function stepsRoot(steps: readonly Step[]): Hex {
  return toHex(listRoot("steps", concat(steps.map(stepHash))));
}

/** `H(abi.encode(block))`. */
export function blockHash(block: Block): Uint8Array {
  return sha256(abiEncode(blockAbi, [block]));
}

/** List root over the blocks' hashes. */
export function blocksRoot(blocks: readonly Block[]): Hex {
  return toHex(listRoot("blocks", concat(blocks.map(blockHash))));
}

/** `H(abi.encode(TensorSpec[]))` of the model's inputs. */
export function inputsHash(inputs: readonly TensorSpec[]): Hex {
  return toHex(sha256(abiEncode(inputsAbi, [inputs])));
}

/** `H("gainsay.program.1" ‖ abi.encode(header))`: the name of the program on chain. */
export function programRoot(header: ProgramHeader): Hex {
  return toHex(sha256(concat([domainBytes("program"), abiEncode(headerAbi, [header])])));
}

/** The witness as viem's contract calls take it. */
export function witnessToAbi(witness: Witness) {
  return {
    header: witness.header,
    stepIndex: witness.stepIndex,
    step: toHex(witness.step),
    stepProof: witness.stepProof.map(toHex),
    element: BigInt(witness.element),
    result: openingToAbi(witness.result),
    operands: witness.operands.map(openingToAbi),
  };
}

/** A proved block as viem's contract calls take it. */
export function provedBlockToAbi({ index, content, proof }: ProvedBlock) {
  return { index, content, proof: proof.map(toHex) };
}

/** `abi.encode(witness)`. */
export function encodeWitness(witness: Witness): Hex {
  return toHex(abiEncode(witnessAbi, [witnessToAbi(witness)]));
}

/** Joins byte strings. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function openingToAbi(opening: Opening) {
  return {
    root: opening.root,
    proof: opening.proof.map(toHex),
    ranges: opening.ranges.map((range) => ({ first: BigInt(range.first), data: toHex(range.data), siblings: range.siblings.map(toHex) })),
  };
}

function accessToAbi(access: Access) {
  return {
    offset: BigInt(access.offset),
    outStrides: access.outStrides.map(BigInt),
    reduceStrides: access.reduceStrides.map(BigInt),
    windows: access.windows,
    stages: access.stages.map((stage) => ({ offset: BigInt(stage.offset), shape: stage.shape, strides: stage.strides.map(BigInt) })),
  };
}
