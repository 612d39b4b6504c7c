import type { Address } from "viem";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";

/** Money at one block: wei by holder. */
export interface Balances {
  block: bigint;
  holders: Record<string, bigint>;
}

/** The money of the named accounts, of the contracts, and what has been burnt. */
export async function readBalances(chain: Chain, accounts: Readonly<Record<string, Address>>): Promise<Balances> {
  const { burnAddress } = await getParameters(chain);
  const block = (await chain.head()).number;
  const addresses: Record<string, Address> = { ...accounts, ...Object.fromEntries(Object.entries(chain.deployment.contracts).map(([name, address]) => [`contract ${name}`, address])), burnt: burnAddress };
  const holders: Record<string, bigint> = {};
  for (const [name, address] of Object.entries(addresses)) holders[name] = await chain.client.getBalance({ address, blockNumber: block });
  return { block, holders };
}

/** wei paid for gas by the accounts between two blocks: it leaves their balances and nothing else receives it here. */
export async function gasPaid(chain: Chain, accounts: Readonly<Record<string, Address>>, from: bigint, to: bigint): Promise<bigint> {
  const senders = new Set(Object.values(accounts).map((address) => address.toLowerCase()));
  let paid = 0n;
  for (let number = from + 1n; number <= to; number++) {
    const block = await chain.client.getBlock({ blockNumber: number, includeTransactions: true });
    for (const transaction of block.transactions) {
      if (!senders.has(transaction.from.toLowerCase())) continue;
      const receipt = await chain.client.getTransactionReceipt({ hash: transaction.hash });
      paid += receipt.gasUsed * receipt.effectiveGasPrice;
    }
  }
  return paid;
}

/** Whether no wei appeared or vanished: what all holders have now, and what gas cost them, is what they had. */
export function isConserved(before: Balances, after: Balances, gas: bigint): boolean {
  return total(before) === total(after) + gas;
}

function total({ holders }: Balances): bigint {
  return Object.values(holders).reduce((sum, wei) => sum + wei, 0n);
}
