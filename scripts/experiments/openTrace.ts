import { createHash } from "node:crypto";
import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { tensorOf } from "../../protocol/dispute/stepOperands.ts";
import { dtypes, type Program, type Step } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { weightBytes } from "../../runtime/bundle/weightBytes.ts";

/** An execution as the experiments look at it: tensors without their Merkle trees, which no verdict of this kind needs. */
export interface OpenTrace extends ExecutionTensors {
  program: Program;
  /** Names what a step reads and gives: two steps with the same name get the same verdicts. */
  fingerprint(stepIndex: number): string;
}

const NO_ROOT = "0x";
const NO_LEAVES = new Uint8Array(0);
const weights = new WeakMap<Bundle, Map<number, CommittedTensor>>();

/** Opens the committed bytes of one execution of a bundle. */
export function openTrace(bundle: Bundle, inputs: readonly Uint8Array[], trace: readonly Uint8Array[]): OpenTrace {
  const { program } = bundle;
  const known = weights.get(bundle) ?? new Map<number, CommittedTensor>();
  weights.set(bundle, known);
  const tensors: ExecutionTensors = {
    inputs: inputs.map(bare),
    trace: trace.map(bare),
    weight(index) {
      let weight = known.get(index);
      if (weight === undefined) known.set(index, (weight = bare(weightBytes(bundle, index))));
      return weight;
    },
  };
  const digests = new Map<CommittedTensor, string>();
  const digest = (tensor: CommittedTensor): string => {
    let made = digests.get(tensor);
    if (made === undefined) digests.set(tensor, (made = createHash("sha256").update(tensor.bytes).digest("base64")));
    return made;
  };
  return {
    ...tensors,
    program,
    fingerprint(stepIndex) {
      const step = program.steps[stepIndex] as Step;
      return [stepIndex, digest(tensors.trace[step.result.index] as CommittedTensor), ...step.operands.map((operand) => digest(tensorOf(operand, tensors, step.blockIndex)))].join(" ");
    },
  };
}

/** A step's operands as floats, where all of them are float32. */
export function floatOperands(step: Step, tensors: ExecutionTensors): Float32Array[] | undefined {
  if (step.operands.some(({ dtype }) => dtype !== dtypes.float32)) return undefined;
  return step.operands.map((operand) => floatsOf(tensorOf(operand, tensors, step.blockIndex).bytes));
}

/** Bytes as float32, copied if they do not start at a whole element. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function bare(bytes: Uint8Array): CommittedTensor {
  return { root: NO_ROOT, bytes, leaves: NO_LEAVES };
}
