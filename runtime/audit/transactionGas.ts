/** The most gas one Ethereum transaction may have (EIP-7825). */
export const TRANSACTION_GAS_CAP = 16_777_216;

/** The most bytes of calldata that leave room for the rest of a block: EIP-7934 caps a block at 10 MiB with 2 MiB of margin. */
export const BLOCK_CALLDATA_CAP = 8 * 2 ** 20 - 4_096;

/**
 * The largest transaction that widely used nodes pass on (128 KiB, a policy and not a rule of the protocol). A larger one has to be
 * handed to a block builder directly.
 */
export const POOL_CALLDATA_CAP = 128 * 1024 - 512;

const BASE = 21_000;

/**
 * Gas that a transaction with this calldata uses if its execution takes `execution`: 21 000, 4 for each zero and 16 for each other
 * byte (EIP-2028), but not less than the floor of EIP-7623, 10 and 40 a byte. Judging writes nothing, so nothing is refunded.
 */
export function transactionGas(calldata: Uint8Array, execution: number): number {
  let zeros = 0;
  for (const byte of calldata) if (byte === 0) zeros++;
  const tokens = zeros + (calldata.length - zeros) * 4;
  return BASE + Math.max(4 * tokens + execution, 10 * tokens);
}
