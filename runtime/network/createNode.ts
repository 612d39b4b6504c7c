import { createRequire } from "node:module";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { autoNAT } from "@libp2p/autonat";
import { circuitRelayServer, circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { dcutr } from "@libp2p/dcutr";
import { gossipsub, type GossipSub } from "@libp2p/gossipsub";
import { identify, type Identify } from "@libp2p/identify";
import type { PrivateKey } from "@libp2p/interface";
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from "@libp2p/kad-dht";
import { mdns } from "@libp2p/mdns";
import { ping, type Ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { createLibp2p, type Libp2p } from "libp2p";
import type { Penalties } from "./createPenalties.ts";
import { networkLimits } from "./limits.ts";
import { peerScoring } from "./peerScoring.ts";
import { trustOwnAddresses, type OwnAddresses } from "./trustOwnAddresses.ts";
import { userAgentOf, WIRE_VERSION } from "./wireVersion.ts";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export type NetworkNode = Libp2p<{ identify: Identify; ping: Ping; pubsub: GossipSub; ownAddresses: OwnAddresses }>;

export interface NodeOptions {
  privateKey: PrivateKey;
  listen: string[];
  announce: string[];
  mdns: boolean;
  maxConnections: number;
  topicNames: readonly string[];
  /** Take part in the table of peers of this namespace; absent: not at all. */
  dht?: DhtOptions;
  /** Keep a place at a relay, and ask peers whether this node can be reached: for machines behind NAT. */
  nat?: boolean;
  /** Be a relay for others. */
  relay?: boolean;
  /** What this node says of itself to peers. */
  userAgent?: string;
}

export interface DhtOptions {
  /** `server` answers others and tells private addresses too; `client` only asks; `auto` serves once it has a public address. */
  mode: "auto" | "client" | "server";
  /** Which network it is of, such as a chain's number. */
  namespace: string;
}

/** A libp2p node that is not started: TCP and relayed connections, Noise, Yamux, identify, ping and gossipsub, with the limits of this project. */
export function createNode(options: NodeOptions, penalties: Penalties): Promise<NetworkNode> {
  const { maxConnections, topicNames, dht, nat = false } = options;
  const limits = networkLimits.gossip;
  const { relay } = networkLimits;
  return createLibp2p({
    start: false,
    nodeInfo: { name: "gainsay", userAgent: options.userAgent ?? userAgentOf(version) },
    privateKey: options.privateKey,
    addresses: { listen: nat ? [...options.listen, "/p2p-circuit"] : options.listen, announce: options.announce },
    // Everybody can dial a peer behind a relay; only who asks for it keeps a place at one.
    transports: [tcp(), circuitRelayTransport({ reservationConcurrency: 1, maxReservationQueueLength: relay.maxReservations, maxInboundStopStreams: relay.maxStopStreams, maxOutboundStopStreams: relay.maxStopStreams })],
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
      ping: ping({ runOnLimitedConnection: true }),
      dcutr: dcutr(),
      pubsub: gossipsub({
        fallbackToFloodsub: false,
        globalSignaturePolicy: "StrictSign",
        emitSelf: false,
        allowPublishToZeroTopicPeers: true,
        allowedTopics: [...topicNames],
        runOnLimitedConnection: true,
        maxInboundDataLength: limits.maxRpcBytes,
        decodeRpcLimits: {
          maxSubscriptions: limits.maxSubscriptionsPerRpc,
          maxMessages: limits.maxMessagesPerRpc,
          maxIhaveMessageIDs: limits.maxMessageIdsPerRpc,
          maxIwantMessageIDs: limits.maxMessageIdsPerRpc,
          maxIdontwantMessageIDs: limits.maxMessageIdsPerRpc,
          maxControlMessages: limits.maxControlsPerRpc,
          maxPeerInfos: limits.maxSubscriptionsPerRpc,
        },
        maxOutboundBufferSize: limits.maxOutboundBytes,
        ...peerScoring(topicNames, penalties),
      }),
      ...(nat || dht?.mode === "auto" ? { autoNAT: autoNAT() } : {}),
      ownAddresses: trustOwnAddresses(),
      ...(dht === undefined ? {} : { dht: dhtOf(dht) }),
      ...(options.relay === true
        ? {
            relay: circuitRelayServer({
              maxInboundHopStreams: relay.maxHopStreams,
              maxOutboundHopStreams: relay.maxHopStreams,
              maxOutboundStopStreams: relay.maxStopStreams,
              reservations: { maxReservations: relay.maxReservations, defaultDurationLimit: relay.maxConnectionMs, defaultDataLimit: BigInt(relay.maxConnectionBytes) },
            }),
          }
        : {}),
    },
  });
}

function dhtOf({ mode, namespace }: DhtOptions) {
  const limits = networkLimits.dht;
  return kadDHT({
    // Versioned and named by the network: its peers are all of this kind, and no stranger's table is joined.
    protocol: `/gainsay/${WIRE_VERSION}/${namespace}/kad`,
    kBucketSize: limits.bucketSize,
    maxInboundStreams: limits.maxInboundStreams,
    maxOutboundStreams: limits.maxOutboundStreams,
    peerInfoMapper: mode === "server" ? passthroughMapper : removePrivateAddressesMapper,
    allowQueryWithZeroPeers: true,
    ...(mode === "auto" ? {} : { clientMode: mode === "client" }),
    // Whoever stores a record here is not of this program.
    validators: {},
    selectors: {},
  });
}
