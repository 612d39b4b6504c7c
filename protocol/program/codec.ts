import * as AbiParameters from "ox/AbiParameters";
import * as Hash from "ox/Hash";
import { GainsayError } from "../errors.ts";
import { fromHex, toHex, type Hex } from "../hex.ts";
import { domainBytes } from "../trees/domains.ts";
import { listRoot } from "../trees/listTree.ts";
import { sha256 } from "../trees/sha256.ts";
import { blockAbi, headerAbi, inputsAbi, stepAbi, witnessAbi } from "./abi.ts";
import type { Access, Block, Dtype, Opening, Operand, ProgramHeader, ProvedBlock, Role, Source, Step, StepKind, TensorSpec, Witness } from "./types.ts";

/** Descriptor bytes of a step: `abi.encode(Step)`. */
export function encodeStep(step: Step): Uint8Array {
  return fromHex(
    AbiParameters.encode(stepAbi, [
      {
        ...step,
        operands: step.operands.map((operand) => ({ ...operand, elements: BigInt(operand.elements), access: accessToAbi(operand.access) })),
        expression: toHex(step.expression),
        attributes: toHex(step.attributes),
      },
    ]),
  );
}

/** Inverse of `encodeStep`. Throws `DESCRIPTOR_MALFORMED` unless the bytes are exactly the canonical encoding of a step. */
export function decodeStep(bytes: Uint8Array): Step {
  let step: Step;
  try {
    const [raw] = AbiParameters.decode(stepAbi, toHex(bytes));
    step = {
      version: raw.version,
      kind: raw.kind as StepKind,
      op: raw.op,
      profile: raw.profile,
      blockIndex: raw.blockIndex,
      result: { dtype: raw.result.dtype as Dtype, source: raw.result.source as Source, index: raw.result.index, shape: [...raw.result.shape] },
      reduce: [...raw.reduce],
      operands: raw.operands.map(
        (operand): Operand => ({
          role: operand.role as Role,
          dtype: operand.dtype as Dtype,
          source: operand.source as Source,
          index: operand.index,
          root: operand.root,
          elements: safe(operand.elements),
          access: {
            offset: safe(operand.access.offset),
            outStrides: operand.access.outStrides.map(safe),
            reduceStrides: operand.access.reduceStrides.map(safe),
            windows: operand.access.windows.map((window) => ({ ...window })),
            stages: operand.access.stages.map((stage) => ({ offset: safe(stage.offset), shape: [...stage.shape], strides: stage.strides.map(safe) })),
          },
        }),
      ),
      expression: fromHex(raw.expression),
      attributes: fromHex(raw.attributes),
    };
  } catch (cause) {
    throw new GainsayError("The bytes are not a step descriptor.", { code: "DESCRIPTOR_MALFORMED", kind: "verification", cause });
  }
  if (!Buffer.from(encodeStep(step)).equals(bytes)) {
    throw new GainsayError("The step descriptor is not canonically encoded.", { code: "DESCRIPTOR_MALFORMED", kind: "verification" });
  }
  return step;
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
  return sha256(fromHex(AbiParameters.encode(blockAbi, [block])));
}

/** List root over the blocks' hashes. */
export function blocksRoot(blocks: readonly Block[]): Hex {
  return toHex(listRoot("blocks", concat(blocks.map(blockHash))));
}

/** `H(abi.encode(TensorSpec[]))` of the model's inputs. */
export function inputsHash(inputs: readonly TensorSpec[]): Hex {
  return toHex(sha256(fromHex(AbiParameters.encode(inputsAbi, [inputs]))));
}

/** `H("gainsay.program.1" ‖ abi.encode(header))`: the name of the program on chain. */
export function programRoot(header: ProgramHeader): Hex {
  return toHex(sha256(concat([domainBytes("program"), fromHex(AbiParameters.encode(headerAbi, [header]))])));
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
  return AbiParameters.encode(witnessAbi, [witnessToAbi(witness)]);
}

/** Inverse of `encodeWitness`. Throws `WITNESS_MALFORMED`. */
export function decodeWitness(encoded: Hex): Witness {
  try {
    return witnessFromAbi(AbiParameters.decode(witnessAbi, encoded)[0]);
  } catch (cause) {
    throw new GainsayError("The bytes are not a witness.", { code: "WITNESS_MALFORMED", kind: "verification", cause });
  }
}

/** Inverse of `witnessToAbi`, for what viem has decoded. */
export function witnessFromAbi(raw: AbiWitness): Witness {
  return {
    header: { ...raw.header, outputs: [...raw.header.outputs] },
    stepIndex: raw.stepIndex,
    step: fromHex(raw.step),
    stepProof: raw.stepProof.map(fromHex),
    element: safe(raw.element),
    result: openingFromAbi(raw.result),
    operands: raw.operands.map(openingFromAbi),
  };
}

/** `keccak256(abi.encode(challenger, salt, keccak256(abi.encode(witness))))`: opens a dispute without showing the refutation. */
export function sealOf(challenger: Hex, salt: Hex, witness: Witness): Hex {
  const inner = Hash.keccak256(encodeWitness(witness));
  return Hash.keccak256(AbiParameters.encode([{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }], [challenger, salt, inner]));
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

interface AbiWitness {
  header: Omit<ProgramHeader, "outputs"> & { outputs: readonly number[] };
  stepIndex: number;
  step: Hex;
  stepProof: readonly Hex[];
  element: bigint;
  result: AbiOpening;
  operands: readonly AbiOpening[];
}

interface AbiOpening {
  root: Hex;
  proof: readonly Hex[];
  ranges: readonly { first: bigint; data: Hex; siblings: readonly Hex[] }[];
}

function openingFromAbi(opening: AbiOpening): Opening {
  return {
    root: opening.root,
    proof: opening.proof.map(fromHex),
    ranges: opening.ranges.map((range) => ({ first: safe(range.first), data: fromHex(range.data), siblings: range.siblings.map(fromHex) })),
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

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new GainsayError("A number of the descriptor is out of range.", { code: "DESCRIPTOR_MALFORMED", kind: "verification" });
  return number;
}
