import type { Hex } from "../../protocol/hex.ts";
import type { Dtype } from "../../protocol/program/types.ts";
import { INLINE_BYTES } from "../hashing/createHasher.ts";
import type { Region } from "./createSpool.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { TensorBytes } from "./types.ts";

/** Outputs of a run that are read when somebody wants them. */
export interface HeldRun {
  outputs: Readonly<Record<string, HeldTensor>>;
  /** Gives up what has not been read; reading it afterwards throws `OUTPUTS_RELEASED`. */
  release(): void;
}

export interface HeldTensor extends Omit<TensorBytes, "bytes"> {
  byteLength: number;
  /** Its bytes, to keep; large ones in shared memory. */
  read(): Uint8Array;
  /** Its bytes, to look at: overwritten by the next look at any tensor. */
  peek(): Uint8Array;
  /** Tensor root and hashes of the chunks, if the inference process has hashed the bytes as a committed tensor. */
  hashed?: { root: Hex; leaves: Uint8Array };
}

let scratch = new Uint8Array(0);

/** A tensor that lies in a region of the spool. */
export function spooledTensor(region: Region, at: number, dtype: Dtype, shape: readonly number[]): HeldTensor {
  const byteLength = tensorByteLength(dtype, shape);
  return {
    dtype,
    shape,
    byteLength,
    read: () => region.read(at, new Uint8Array(byteLength > INLINE_BYTES ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength))),
    peek() {
      if (scratch.length < byteLength) scratch = new Uint8Array(byteLength);
      return region.read(at, scratch.subarray(0, byteLength));
    },
  };
}

/** A tensor whose bytes came with the answer. */
export function arrivedTensor({ dtype, shape, bytes }: TensorBytes): HeldTensor {
  return { dtype, shape, byteLength: bytes.length, read: () => bytes, peek: () => bytes };
}
