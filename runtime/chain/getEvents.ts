import { encodeEventTopics, numberToHex, pad, type Abi, type ContractEventName } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import { chainError, isRangeTooLarge } from "./chainError.ts";
import { abis, type Abis } from "./contracts.ts";
import type { Chain } from "./createChain.ts";
import { decodeEvent, placed, type ChainEvent, type EventContract, type EventsOf } from "./events.ts";

export interface EventFilter<C extends EventContract, N extends ContractEventName<Abis[C]>> {
  contract: C;
  /** All events of the contract without it. */
  names?: readonly N[];
  /** Values of the event's indexed arguments, in order; null takes any. */
  indexed?: readonly (bigint | Hex | null)[];
  fromBlock?: bigint;
  toBlock?: bigint;
}

/** Most RPC providers answer ranges of this many blocks. Where one refuses, the range is halved; it doubles again with every answer. */
const largestChunk = 10_000n;

/** Past events of one contract in chain order, read in bounded ranges. Throws `CHAIN_UNREACHABLE`, `CHAIN_FAILED`. */
export async function getEvents<C extends EventContract, N extends ContractEventName<Abis[C]> = ContractEventName<Abis[C]>>(chain: Chain, filter: EventFilter<C, N>): Promise<EventsOf<C, N>[]> {
  const found: ChainEvent[] = [];
  const topics = topicsOf(filter);
  let chunk = largestChunk;
  try {
    const end = filter.toBlock ?? (await chain.head()).number;
    for (let from = filter.fromBlock ?? chain.deployment.block; from <= end; ) {
      const to = from + chunk - 1n < end ? from + chunk - 1n : end;
      try {
        found.push(...(await readRange(chain, filter.contract, topics, from, to)));
        from = to + 1n;
        chunk = chunk * 2n < largestChunk ? chunk * 2n : largestChunk;
      } catch (error) {
        // What was asked may have been less than a chunk, and the same is not asked again.
        const width = to - from + 1n;
        if (width === 1n || !isRangeTooLarge(error)) throw error;
        chunk = width / 2n;
      }
    }
  } catch (error) {
    throw chainError(error);
  }
  return found as unknown as EventsOf<C, N>[];
}

/** viem's own filters take one event with its arguments, not several that share their first ones. */
function topicsOf<C extends EventContract, N extends ContractEventName<Abis[C]>>({ contract, names, indexed = [] }: EventFilter<C, N>): (Hex[] | Hex | null)[] {
  const signatures = names?.map((eventName) => encodeEventTopics({ abi: abis[contract] as Abi, eventName: eventName as string })[0] as Hex) ?? null;
  return [signatures, ...indexed.map((value) => (typeof value === "bigint" ? numberToHex(value, { size: 32 }) : value === null ? null : pad(value)))];
}

async function readRange({ client, deployment }: Chain, contract: EventContract, topics: (Hex[] | Hex | null)[], from: bigint, to: bigint): Promise<ChainEvent[]> {
  const filter = { address: deployment.contracts[contract], topics, fromBlock: numberToHex(from), toBlock: numberToHex(to) };
  const logs = await client.request({ method: "eth_getLogs", params: [filter] });
  return logs.flatMap((log) => decodeEvent(deployment, placed(log)) ?? []);
}
