import type { Program } from "../../protocol/program/types.ts";
import { chunkCount } from "../../protocol/trees/tensorTree.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";

/** Bytes of the names and roots of one stored trace, generously. */
const MANIFEST_BYTES = 4_096;

/** Bytes that the stored trace of one execution takes: inputs, posted trace, chunk hashes, manifest. */
export function traceSize(program: Pick<Program, "inputs" | "trace">): number {
  const sizes = [...program.inputs, ...program.trace].map(({ dtype, shape }) => tensorByteLength(dtype, shape));
  return sizes.reduce((sum, bytes) => sum + bytes + chunkCount(bytes) * 32 + 200, MANIFEST_BYTES);
}
