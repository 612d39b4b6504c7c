import type { ContractEventName, TransactionReceipt } from "viem";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Abis } from "../contracts.ts";
import type { Chain } from "../createChain.ts";
import { decodeEvent, type EventContract, type EventOf } from "../events.ts";

/** The event that a transaction emitted. Throws `CHAIN_EVENT_MISSING` if the contract at the address is not this project's. */
export function eventIn<C extends EventContract, N extends ContractEventName<Abis[C]>>(chain: Chain, receipt: TransactionReceipt, contract: C, name: N): EventOf<C, N> {
  for (const log of receipt.logs) {
    const event = decodeEvent(chain.deployment, log);
    if (event?.contract === contract && event.name === name) return event as unknown as EventOf<C, N>;
  }
  throw new GainsayError("The transaction did not emit the event that it should have; the deployment file names other contracts.", {
    code: "CHAIN_EVENT_MISSING",
    details: { contract, name, transaction: receipt.transactionHash },
  });
}
