import type { Dtype } from "../../protocol/program/types.ts";
import type { FilePart } from "../hashing/filePart.ts";
import type { HashedOutput } from "./hashedOutputs.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { createLastingRoom } from "../hashing/lastingRoom.ts";
import type { Region } from "./createSpool.ts";
import type { TensorBytes } from "./types.ts";

/** Outputs of a run that are read when somebody wants them. */
export interface HeldRun {
  /** Names of the outputs, in the session's order: the same array for all runs of a session. */
  names: readonly string[];
  outputs: readonly HeldTensor[];
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
  /** Where its bytes lie in a file until they are released; missing if they lie in none. */
  file?(): FilePart;
  /** Tensor root and hashes of the chunks, if the inference process has hashed the bytes as a committed tensor. */
  hashed?: HashedOutput;
}

/** Up to this many bytes, a region is looked at as a whole. */
const LOOKED_AT_BYTES = 1024 * 1024;
/** More than the tensors of a few programs. */
const MOST_VIEWS = 4096;

/** The region that was looked at last, and from where on; the room has its bytes, each in its place. */
const look: { region: Region | undefined; from: number } = { region: undefined, from: 0 };
const viewOf = createLastingRoom(MOST_VIEWS);

/** Bytes of a region, until the next look at another: one system call for all of its tensors from the first that is looked at, if they are not many bytes. */
function lookAt(region: Region, at: number, length: number): Uint8Array {
  if (region.mapped) return region.view(at, length);
  if (region.bytes > LOOKED_AT_BYTES) {
    look.region = undefined;
    return region.read(at, viewOf(0, length));
  }
  if (look.region !== region || at < look.from || region.released) {
    look.region = undefined;
    region.read(at, viewOf(at, region.bytes - at));
    [look.region, look.from] = [region, at];
  }
  return viewOf(at, length);
}

/** A tensor that lies in a region of the spool. A class, since a trace may have hundreds, each run. */
export class SpooledTensor implements HeldTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  hashed?: HashedOutput;
  readonly #region: Region;
  readonly #at: number;

  constructor(region: Region, at: number, byteLength: number, { dtype, shape }: Pick<TensorBytes, "dtype" | "shape">) {
    this.dtype = dtype;
    this.shape = shape;
    this.byteLength = byteLength;
    this.#region = region;
    this.#at = at;
  }

  file(): FilePart {
    return this.#region.file(this.#at, this.byteLength);
  }

  read(): Uint8Array {
    const { byteLength } = this;
    return this.#region.read(this.#at, new Uint8Array(byteLength > INLINE_BYTES ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength)));
  }

  peek(): Uint8Array {
    return lookAt(this.#region, this.#at, this.byteLength);
  }
}

/** A tensor whose bytes came with the answer. */
export function arrivedTensor({ dtype, shape, bytes }: TensorBytes): HeldTensor {
  return { dtype, shape, byteLength: bytes.length, bytes, read: () => bytes, peek: () => bytes };
}
