import type { Address } from "viem";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";

/** The money of some accounts at one block, wei. */
export interface Wealth {
  block: bigint;
  /** In the account and in `Stakes`, by name. */
  parties: Record<string, bigint>;
  /** The part of it that the contracts keep. */
  kept: bigint;
  /** What the contracts hold. */
  held: bigint;
  burnt: bigint;
}

/** Reads all of it; the chain must stand still meanwhile. */
export async function wealthOf(chain: Chain, parties: Readonly<Record<string, Address>>): Promise<Wealth> {
  const { number: block } = await chain.head();
  const { burnAddress } = await getParameters(chain);
  let kept = 0n;
  const entries = await Promise.all(
    Object.entries(parties).map(async ([name, address]) => {
      const { free, locked, pending, credits } = await getStakeAccount(chain, address);
      const inside = free + locked + pending + credits;
      kept += inside;
      return [name, (await getBalance(chain, address)) + inside] as const;
    }),
  );
  const holders = Object.values(chain.deployment.contracts);
  const held = (await Promise.all(holders.map((address) => getBalance(chain, address)))).reduce((sum, wei) => sum + wei, 0n);
  return { block, parties: Object.fromEntries(entries), kept, held, burnt: await getBalance(chain, burnAddress) };
}

export interface GasBill {
  gas: bigint;
  wei: bigint;
  transactions: number;
}

/** What each account paid for gas after block `from`, up to block `to`. */
export async function gasBills(chain: Chain, parties: Readonly<Record<string, Address>>, from: bigint, to: bigint): Promise<Record<string, GasBill>> {
  const nameOf = new Map(Object.entries(parties).map(([name, address]) => [address.toLowerCase(), name]));
  const bills: Record<string, GasBill> = Object.fromEntries(Object.keys(parties).map((name) => [name, { gas: 0n, wei: 0n, transactions: 0 }]));
  const blocks = Array.from({ length: Number(to - from) }, (_, i) => from + 1n + BigInt(i));
  for (let i = 0; i < blocks.length; i += 64) {
    await Promise.all(
      blocks.slice(i, i + 64).map(async (blockNumber) => {
        const { transactions } = await chain.client.getBlock({ blockNumber, includeTransactions: true });
        for (const transaction of transactions) {
          const bill = bills[nameOf.get(transaction.from.toLowerCase()) ?? ""];
          if (bill === undefined) continue;
          const receipt = await chain.client.getTransactionReceipt({ hash: transaction.hash });
          bill.gas += receipt.gasUsed;
          bill.wei += receipt.gasUsed * receipt.effectiveGasPrice;
          bill.transactions++;
        }
      }),
    );
  }
  return bills;
}
