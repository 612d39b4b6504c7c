import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { gossipsub, type GossipSub } from "@libp2p/gossipsub";
import { identify, type Identify } from "@libp2p/identify";
import type { PrivateKey } from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import { ping, type Ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { createLibp2p, type Libp2p } from "libp2p";
import type { Penalties } from "./createPenalties.ts";
import { networkLimits } from "./limits.ts";
import { peerScoring } from "./peerScoring.ts";

export type NetworkNode = Libp2p<{ identify: Identify; ping: Ping; pubsub: GossipSub }>;

export interface NodeOptions {
  privateKey: PrivateKey;
  listen: string[];
  announce: string[];
  mdns: boolean;
  maxConnections: number;
  topicNames: readonly string[];
}

/** A libp2p node that is not started: TCP, Noise, Yamux, identify, ping and gossipsub, with the limits of this project. */
export function createNode(options: NodeOptions, penalties: Penalties): Promise<NetworkNode> {
  const { maxConnections, topicNames } = options;
  const limits = networkLimits.gossip;
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    addresses: { listen: options.listen, announce: options.announce },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        streamOptions: {
          maxStreamWindowSize: networkLimits.maxStreamWindowBytes,
          maxReadBufferLength: networkLimits.maxStreamBufferBytes,
        },
      }),
    ],
    peerDiscovery: options.mdns ? [mdns({ serviceTag: "_gainsay._udp.local" })] : [],
    connectionManager: {
      maxConnections,
      maxPeerAddrsToDial: networkLimits.maxAddressesPerPeer,
      dialTimeout: networkLimits.dialTimeoutMs,
      inboundConnectionThreshold: networkLimits.inboundConnectionsPerSecond,
      maxIncomingPendingConnections: networkLimits.inboundConnectionsPerSecond,
    },
    connectionMonitor: {
      pingInterval: networkLimits.pingIntervalMs,
      pingTimeout: { minTimeout: networkLimits.pingTimeoutMs },
    },
    connectionGater: {
      denyDialPeer: (peer) => penalties.isBanned(peer.toString()),
      // For addresses that do not say whose they are.
      denyOutboundEncryptedConnection: (peer) => penalties.isBanned(peer.toString()),
      denyInboundEncryptedConnection: (peer) => penalties.isBanned(peer.toString()),
    },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipsub({
        fallbackToFloodsub: false,
        globalSignaturePolicy: "StrictSign",
        emitSelf: false,
        allowPublishToZeroTopicPeers: true,
        allowedTopics: [...topicNames],
        maxInboundDataLength: limits.maxRpcBytes,
        maxOutboundBufferSize: limits.maxOutboundBytes,
        ...peerScoring(topicNames, penalties),
      }),
    },
  });
}
