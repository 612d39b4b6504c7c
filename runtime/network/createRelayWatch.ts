import type { Connection } from "@libp2p/interface";
import type { NetworkLogger } from "./logger.ts";

/** Tells how peers that come by a relay go on: directly, once a hole was punched or the other side could be dialled, or relayed. */
export interface RelayWatch {
  opened(connection: Pick<Connection, "id" | "remotePeer" | "remoteAddr" | "limits">): void;
  closed(connection: Pick<Connection, "id" | "remotePeer">): void;
}

export function createRelayWatch(logger: NetworkLogger): RelayWatch {
  /** Peers by their relayed connections that are open. */
  const relayed = new Map<string, string>();
  return {
    opened({ id, remotePeer, remoteAddr, limits }) {
      const peer = remotePeer.toString();
      if (limits !== undefined) {
        relayed.set(id, peer);
        logger.info({ peer, address: String(remoteAddr) }, "connected by a relay; trying for a direct connection");
      } else if ([...relayed.values()].includes(peer)) {
        logger.info({ peer, address: String(remoteAddr) }, "direct connection in place of the relayed one");
      }
    },
    closed: ({ id }) => void relayed.delete(id),
  };
}
