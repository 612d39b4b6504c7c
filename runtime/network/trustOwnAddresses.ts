import type { Multiaddr } from "@multiformats/multiaddr";

/** The parts of a libp2p node that know its addresses. */
interface AddressComponents {
  addressManager: { confirmObservedAddr(address: Multiaddr, options: { type: "transport"; ttl: number }): void };
  transportManager: { getAddrs(): Multiaddr[] };
}

export interface OwnAddresses {
  /** To be called once all transports listen, when ports are known and 0.0.0.0 has become the interfaces' addresses. */
  confirm(): void;
}

/**
 * A service of a node that lets it tell the public addresses of its own interfaces. libp2p keeps them to itself until strangers have dialled them
 * back, which in a small network nobody ever does; what autonat finds to be unreachable is still taken back.
 */
export function trustOwnAddresses(): (components: AddressComponents) => OwnAddresses {
  return ({ addressManager, transportManager }) => ({
    confirm() {
      for (const address of transportManager.getAddrs()) addressManager.confirmObservedAddr(address, { type: "transport", ttl: Number.MAX_SAFE_INTEGER });
    },
  });
}
