import { decodeAbiParameters, toEventSelector, type Abi, type AbiEvent, type AbiParameter, type Address, type ContractEventName, type Log, type RpcLog } from "viem";
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

/** An event as its logs are read. */
interface Layout {
  name: string;
  /** Which arguments stand in topics, in order. */
  indexed: readonly AbiParameter[];
  others: readonly AbiParameter[];
}

/** Layouts of each contract by the first topic of their logs. viem hashes the signatures of all events anew for every log that it decodes. */
const layouts = new Map<EventContract, ReadonlyMap<Hex, Layout>>(eventContracts.map((contract) => [contract, new Map((abis[contract] as Abi).flatMap((item) => (item.type === "event" ? [[toEventSelector(item), layoutOf(item)]] : [])))]));

function layoutOf({ name, inputs }: AbiEvent): Layout {
  return { name, indexed: inputs.filter(({ indexed }) => indexed === true), others: inputs.filter(({ indexed }) => indexed !== true) };
}

/** Reads a log of this deployment; undefined if it is not an event that this version knows. */
export function decodeEvent(deployment: Deployment, log: { address: Address; topics: readonly Hex[] | []; data: Hex; blockNumber: bigint | null; blockHash: Hex | null; transactionHash: Hex | null; logIndex: number | null }): ChainEvent | undefined {
  const { blockNumber, blockHash, transactionHash, logIndex } = log;
  const contract = eventContracts.find((name) => deployment.contracts[name].toLowerCase() === log.address.toLowerCase());
  if (contract === undefined || blockNumber === null || blockHash === null || transactionHash === null || logIndex === null) return undefined;
  const [selector, ...values] = log.topics;
  const layout = selector === undefined ? undefined : layouts.get(contract)?.get(selector);
  if (layout === undefined || values.length !== layout.indexed.length) return undefined;
  try {
    const args: Record<string, unknown> = {};
    for (const [i, input] of layout.indexed.entries()) args[input.name as string] = decodeAbiParameters([input], values[i] as Hex)[0];
    const others = layout.others.length === 0 ? [] : decodeAbiParameters(layout.others, log.data);
    for (const [i, input] of layout.others.entries()) args[input.name as string] = others[i];
    return { contract, name: layout.name, args, blockNumber, blockHash, transactionHash, logIndex } as unknown as ChainEvent;
  } catch {
    return undefined;
  }
}

/** A log as the node gives it, with numbers where it stands. */
export function placed(log: RpcLog): Omit<RpcLog, "blockNumber" | "logIndex"> & { blockNumber: bigint | null; logIndex: number | null } {
  return { ...log, blockNumber: log.blockNumber === null ? null : BigInt(log.blockNumber), logIndex: log.logIndex === null ? null : Number(log.logIndex) };
}
