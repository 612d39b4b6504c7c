import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { tensorLeaves, tensorRoot, tensorRootFromLeaves } from "../../protocol/trees/tensorTree.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";

/** Bytes of each input of a program. */
export function inputLengths(program: Program): number[] {
  return program.inputs.map(({ dtype, shape }) => tensorByteLength(dtype, shape));
}

/**
 * Cuts the input bytes that travelled with a submission into the program's input tensors, hashed.
 * Throws `INPUT_MISMATCH` unless they have the program's lengths and hash to the job's input root.
 */
export function splitInput(program: Program, bytes: Uint8Array, inputRoot: Hex): CommittedTensor[] {
  const lengths = inputLengths(program);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (bytes.length !== total) throw mismatch("The input of the job does not have the length that its program takes.", { given: bytes.length, wanted: total });
  let at = 0;
  const inputs = lengths.map((length): CommittedTensor => {
    const tensor = bytes.slice(at, (at += length));
    const leaves = tensorLeaves(tensor);
    return { bytes: tensor, leaves, root: toHex(tensorRootFromLeaves(leaves, length)) };
  });
  if (listRootOf("inputs", inputs.map(({ root }) => root)) !== inputRoot) throw mismatch("The input of the job does not hash to the root that it names.", { inputRoot });
  return inputs;
}

/** Root of the inputs' list, as a submission names it. */
export function inputRootOf(inputs: readonly Uint8Array[]): Hex {
  return listRootOf("inputs", inputs.map((bytes) => toHex(tensorRoot(bytes))));
}

function mismatch(message: string, details: Record<string, unknown>): GainsayError {
  return new GainsayError(message, { code: "INPUT_MISMATCH", kind: "verification", details });
}
