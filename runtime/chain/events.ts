import { decodeEventLog, type Abi, type Address, type ContractEventName, type Log } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { ContractName, Deployment } from "../config/deployment.ts";
import { abis, type Abis } from "./contracts.ts";

/** Where an event stands. `(blockHash, logIndex)` names it: after a reorganisation the same transaction is another event. */
export interface EventPlace {
  blockNumber: bigint;
  blockHash: Hex;
  transactionHash: Hex;
  logIndex: number;
}

/** One event of one contract, with its decoded arguments. */
export type EventOf<C extends ContractName, N extends ContractEventName<Abis[C]>> = EventPlace & {
  contract: C;
  name: N;
  args: Log<bigint, number, false, undefined, true, Abis[C], N>["args"];
};

/** The events of a contract with one of these names, told apart by `name`. */
export type EventsOf<C extends ContractName, N extends ContractEventName<Abis[C]> = ContractEventName<Abis[C]>> = { [K in N]: EventOf<C, K> }[N];

/** Any event of the contracts, told apart by `contract` and `name`. */
export type ChainEvent = { [C in EventContract]: EventsOf<C> }[EventContract];

/** The contracts that emit events. */
export const eventContracts = ["stakes", "models", "jobs", "disputes"] as const satisfies readonly ContractName[];
export type EventContract = (typeof eventContracts)[number];

/** Reads a log of this deployment; undefined if it is not an event that this version knows. */
export function decodeEvent(deployment: Deployment, log: { address: Address; topics: readonly Hex[] | []; data: Hex; blockNumber: bigint | null; blockHash: Hex | null; transactionHash: Hex | null; logIndex: number | null }): ChainEvent | undefined {
  const contract = eventContracts.find((name) => deployment.contracts[name].toLowerCase() === log.address.toLowerCase());
  if (contract === undefined || log.blockNumber === null || log.blockHash === null || log.transactionHash === null || log.logIndex === null) return undefined;
  try {
    const { eventName, args } = decodeEventLog({ abi: abis[contract] as Abi, topics: log.topics as [Hex, ...Hex[]], data: log.data, strict: true });
    return { contract, name: eventName, args: args ?? {}, blockNumber: log.blockNumber, blockHash: log.blockHash, transactionHash: log.transactionHash, logIndex: log.logIndex } as unknown as ChainEvent;
  } catch {
    return undefined;
  }
}
