import { encodeEventTopics, numberToHex, pad, type Abi, type ContractEventName } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import { chainError } from "./chainError.ts";
import { abis, type Abis } from "./contracts.ts";
import type { Chain } from "./createChain.ts";
import { decodeEvent, type ChainEvent, type EventContract, type EventsOf } from "./events.ts";

export interface EventFilter<C extends EventContract, N extends ContractEventName<Abis[C]>> {
  contract: C;
  /** All events of the contract without it. */
  names?: readonly N[];
  /** Values of the event's indexed arguments, in order; null takes any. */
  indexed?: readonly (bigint | Hex | null)[];
  fromBlock?: bigint;
  toBlock?: bigint;
}

/** Most RPC providers answer ranges of this many blocks. */
const chunkBlocks = 9_999n;

/** Past events of one contract in chain order, read in bounded ranges. Throws `CHAIN_UNREACHABLE`, `CHAIN_FAILED`. */
export async function getEvents<C extends EventContract, N extends ContractEventName<Abis[C]> = ContractEventName<Abis[C]>>(chain: Chain, filter: EventFilter<C, N>): Promise<EventsOf<C, N>[]> {
  const { deployment, client } = chain;
  const topics = (filter.indexed ?? []).map((value) => (typeof value === "bigint" ? numberToHex(value, { size: 32 }) : value === null ? null : pad(value)));
  const names = filter.names?.map((eventName) => encodeEventTopics({ abi: abis[filter.contract] as Abi, eventName: eventName as string })[0] as Hex) ?? null;
  const found: ChainEvent[] = [];
  try {
    const end = filter.toBlock ?? (await chain.head()).number;
    for (let from = filter.fromBlock ?? deployment.block; from <= end; from += chunkBlocks + 1n) {
      const to = from + chunkBlocks < end ? from + chunkBlocks : end;
      const logs = await client.request({
        method: "eth_getLogs",
        params: [{ address: deployment.contracts[filter.contract], topics: [names, ...topics], fromBlock: numberToHex(from), toBlock: numberToHex(to) }],
      });
      for (const log of logs) {
        const event = decodeEvent(deployment, {
          ...log,
          blockNumber: log.blockNumber === null ? null : BigInt(log.blockNumber),
          logIndex: log.logIndex === null ? null : Number(log.logIndex),
        });
        if (event !== undefined) found.push(event);
      }
    }
  } catch (error) {
    throw chainError(error);
  }
  return found as unknown as EventsOf<C, N>[];
}
