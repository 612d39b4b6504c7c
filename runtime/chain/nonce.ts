import type { Address } from "viem";
import type { Chain } from "./createChain.ts";

/** The next nonce of an account: kept here between transactions, read from the chain again after anything unexpected. */
export interface Nonce {
  next(): Promise<number>;
  used(nonce: number): void;
  forget(): void;
}

export function createNonce(chain: Chain, address: Address): Nonce {
  let known: number | undefined;
  return {
    async next() {
      return (known ??= await chain.client.getTransactionCount({ address, blockTag: "pending" }));
    },
    used(nonce) {
      known = nonce + 1;
    },
    forget() {
      known = undefined;
    },
  };
}
