import type { Hex } from "../hex.ts";

/** A tensor with its commitment. */
export interface CommittedTensor {
  /** Tensor root. */
  root: Hex;
  /** Committed bytes: little-endian elements in commit order. */
  bytes: Uint8Array;
  /** SHA-256 of each 1 KiB chunk, side by side. */
  leaves: Uint8Array;
}
