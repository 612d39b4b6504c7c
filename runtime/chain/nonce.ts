import { TransactionReceiptNotFoundError, type Address } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { Chain } from "./createChain.ts";

/** The next nonce of an account: kept here between transactions, read from the chain again after anything unexpected. */
export interface Nonce {
  next(): Promise<number>;
  /** The transaction with this nonce is included. */
  used(nonce: number, transaction: Hex): void;
  forget(): void;
}

export function createNonce(chain: Chain, address: Address): Nonce {
  let known: number | undefined;
  let last: Hex | undefined;

  /** A node that counts less than was included is behind, or a reorganisation took transactions away: the last receipt tells which. */
  const isGone = async (): Promise<boolean> => {
    if (last === undefined) return true;
    try {
      await chain.client.getTransactionReceipt({ hash: last });
      return false;
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) return true;
      throw error;
    }
  };

  return {
    async next() {
      const pending = await chain.client.getTransactionCount({ address, blockTag: "pending" });
      if (known === undefined || pending >= known || (await isGone())) known = pending;
      return known;
    },
    used(nonce, transaction) {
      known = nonce + 1;
      last = transaction;
    },
    forget() {
      known = undefined;
    },
  };
}
