import * as AbiParameters from "ox/AbiParameters";
import { GainsayError } from "../errors.ts";
import { fromHex, toHex, type Hex } from "../hex.ts";
import { stepAbi, witnessAbi } from "./abi.ts";
import { encodeStep } from "./codec.ts";
import type { Dtype, Opening, Operand, ProgramHeader, Role, Source, Step, StepKind, Witness } from "./types.ts";

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

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new GainsayError("A number of the descriptor is out of range.", { code: "DESCRIPTOR_MALFORMED", kind: "verification" });
  return number;
}
