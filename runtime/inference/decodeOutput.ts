import { GainsayError } from "../../protocol/errors.ts";
import { dtypeBytes, type Access, type Dtype, type Program } from "../../protocol/program/types.ts";
import { tensorByteLength, viewTyped, type TypedTensor } from "./tensorTypes.ts";

export interface DecodedOutput {
  name: string;
  dtype: Dtype;
  shape: number[];
  /** Elements in row-major order of `shape`; see `TypedTensor` for how narrow floats and int64 come. */
  data: TypedTensor;
}

/**
 * The model's k-th output as its users know it, from the committed bytes of the trace tensor that holds it.
 * Throws `OUTPUT_MISMATCH` if the bytes are not those of that tensor.
 */
export function decodeOutput(program: Program, k: number, bytes: Uint8Array): DecodedOutput {
  const spec = program.outputs[k];
  if (spec === undefined) throw new GainsayError(`The program has ${program.outputs.length} outputs; there is no output ${k}.`, { code: "OUTPUT_MISMATCH", kind: "usage", details: { output: k } });
  const tensor = program.trace[spec.trace];
  const wanted = tensor === undefined ? undefined : tensorByteLength(tensor.dtype, tensor.shape);
  if (bytes.length !== wanted) {
    throw new GainsayError(`The committed tensor of the output ${JSON.stringify(spec.name)} must have ${wanted} bytes, but there are ${bytes.length}.`, { code: "OUTPUT_MISMATCH", kind: "verification", details: { wanted, given: bytes.length } });
  }
  const from = viewTyped(spec.dtype, bytes);
  const elements = elementsSeen(spec.access, spec.shape);
  const data = viewTyped(spec.dtype, new Uint8Array(elements.length * dtypeBytes[spec.dtype]));
  for (let i = 0; i < elements.length; i++) {
    const value = from[elements[i] as number];
    if (value === undefined) throw new GainsayError(`The output ${JSON.stringify(spec.name)} reads outside its committed tensor; the program is broken.`, { code: "OUTPUT_MISMATCH", details: { element: elements[i] } });
    data[i] = value;
  }
  return { name: spec.name, dtype: spec.dtype, shape: [...spec.shape], data };
}

/** Elements that an access without reduction reads, in row-major order of `shape` (docs/protocol.md §2, "Access"). */
export function elementsSeen(access: Access, shape: readonly number[]): Float64Array {
  let elements = affineRun(access.offset, shape, access.outStrides);
  for (const stage of access.stages) {
    elements = elements.map((linear) => {
      let rest = linear;
      let element = stage.offset;
      for (let d = stage.shape.length - 1; d >= 0; d--) {
        const size = stage.shape[d] as number;
        element += (rest % size) * (stage.strides[d] as number);
        rest = Math.floor(rest / size);
      }
      return element;
    });
  }
  return elements;
}

/** `offset + Σ c_k·strides_k` for all coordinates of `shape` in row-major order. */
function affineRun(offset: number, shape: readonly number[], strides: readonly number[]): Float64Array {
  let run = Float64Array.of(offset);
  shape.forEach((size, k) => {
    const stride = strides[k] as number;
    const wider = new Float64Array(run.length * size);
    run.forEach((base, i) => {
      for (let c = 0; c < size; c++) wider[i * size + c] = base + c * stride;
    });
    run = wider;
  });
  return run;
}
