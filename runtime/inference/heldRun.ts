import type { Dtype } from "../../protocol/program/types.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import type { Region } from "./createSpool.ts";
import type { HashedOutput } from "./hashedOutputs.ts";
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
  /** The bytes, if they are in memory already. */
  bytes?: Uint8Array;
  /** Its bytes, to keep; large ones in shared memory. */
  read(): Uint8Array;
  /** Its bytes, to look at: overwritten by the next look at any tensor. */
  peek(): Uint8Array;
  /** Tensor root and hashes of the chunks, if the inference process has hashed the bytes as a committed tensor. */
  hashed?: HashedOutput;
}

/** Up to this many bytes, a region is looked at as a whole. */
const LOOKED_AT_BYTES = 1024 * 1024;

/** The region that was looked at last, and its bytes. */
const look: { region: Region | undefined; bytes: Uint8Array } = { region: undefined, bytes: new Uint8Array(0) };

/** Bytes of a region, until the next look at another: one system call for all of its tensors, if they are not many bytes. */
function lookAt(region: Region, at: number, length: number): Uint8Array {
  const whole = region.bytes <= LOOKED_AT_BYTES;
  if (whole && look.region === region) return look.bytes.subarray(at, at + length);
  const wanted = whole ? region.bytes : length;
  if (look.bytes.length < wanted) look.bytes = new Uint8Array(wanted);
  look.region = undefined;
  region.read(whole ? 0 : at, look.bytes.subarray(0, wanted));
  if (whole) look.region = region;
  return whole ? look.bytes.subarray(at, at + length) : look.bytes.subarray(0, length);
}

/** A tensor that lies in a region of the spool. */
export function spooledTensor(region: Region, at: number, dtype: Dtype, shape: readonly number[]): HeldTensor {
  const byteLength = tensorByteLength(dtype, shape);
  return {
    dtype,
    shape,
    byteLength,
    read: () => region.read(at, new Uint8Array(byteLength > INLINE_BYTES ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength))),
    peek: () => lookAt(region, at, byteLength),
  };
}

/** A tensor whose bytes came with the answer. */
export function arrivedTensor({ dtype, shape, bytes }: TensorBytes): HeldTensor {
  return { dtype, shape, byteLength: bytes.length, bytes, read: () => bytes, peek: () => bytes };
}

/** A run whose outputs came with the answer. */
export function arrivedRun(outputs: Readonly<Record<string, TensorBytes>>): HeldRun {
  return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, arrivedTensor(tensor)])), release: () => undefined };
}
