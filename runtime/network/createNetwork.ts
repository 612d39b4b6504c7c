import type { Connection, PeerId } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { GainsayError } from "../../protocol/errors.ts";
import { groupByPeer, parseAddress, parseTarget, type PeerTarget } from "./addresses.ts";
import type { BlobVerifier } from "./blobs/createBlobAssembly.ts";
import { type Blobs, createBlobs } from "./blobs/createBlobs.ts";
import { createBootstrapper } from "./createBootstrapper.ts";
import { createGossip, type Gossip } from "./createGossip.ts";
import { createDiscoverer } from "./createDiscoverer.ts";
import { createNode, type DhtOptions, type NetworkNode } from "./createNode.ts";
import { createPenalties } from "./createPenalties.ts";
import { createRelayWatch } from "./createRelayWatch.ts";
import { readIdentity } from "./identity.ts";
import { networkLimits } from "./limits.ts";
import type { NetworkLogger } from "./logger.ts";
import { topics } from "./topics.ts";
import { createVersionWatch } from "./wireVersion.ts";
import { aborted, withDeadline } from "./withDeadline.ts";

export interface NetworkOptions {
  /** Addresses to listen on, such as `/ip4/0.0.0.0/tcp/4001`; port 0 takes a free one, none at all only dials. */
  listen: string[];
  /** Addresses with peer id of nodes to stay connected with. */
  bootstrap: string[];
  /** Ed25519 private key of this node: libp2p protobuf, or raw with 32 or 64 bytes. */
  identityKey: Uint8Array;
  /** Addresses to tell others instead of those listened on. */
  announce?: string[];
  /** Find peers on the local network; off by default. */
  mdns?: boolean;
  maxConnections?: number;
  /** Find peers in a distributed table; off by default. */
  dht?: DhtOptions;
  /** Keep a place at a relay, for a machine behind NAT; off by default. */
  nat?: boolean;
  /** Be a relay for machines behind NAT; off by default. */
  relay?: boolean;
  /** What this node says of itself to peers; release and wire version by default. */
  userAgent?: string;
  /** Names of the topics taken part in; those of `topics.ts` by default. Others are neither stored nor passed on. */
  topics?: readonly string[];
  /** Stops the network when it fires. */
  signal?: AbortSignal;
}

export interface NetworkDependencies {
  logger: NetworkLogger;
  verify: BlobVerifier;
  /** Milliseconds of a clock that only moves forward. */
  now?: () => number;
}

export interface PeerEvent {
  peer: string;
  connected: boolean;
}

export interface Network {
  readonly peerId: string;
  readonly gossip: Gossip;
  readonly blobs: Blobs;
  /** @throws GainsayError `NETWORK_START_FAILED` if an address cannot be listened on; `ABORTED`. */
  start(): Promise<void>;
  /** Closes all connections. The network may be started again. */
  stop(): Promise<void>;
  /** Addresses under which others reach this node, each ending in its peer id, at most eight; none while it is stopped. */
  addresses(): string[];
  /** Peer ids of all connected peers. */
  peers(): string[];
  /**
   * Connects to a peer by address or known peer id and resolves to its peer id.
   * @throws GainsayError `ADDRESS_INVALID`, `PEER_UNREACHABLE`, `PEER_BANNED`, `ABORTED`, `NETWORK_NOT_STARTED`.
   */
  dial(address: string, options?: { signal?: AbortSignal }): Promise<string>;
  /**
   * Milliseconds for one round trip to a peer, over the connection that there is or a new one.
   * @throws GainsayError as {@link dial}.
   */
  ping(address: string, options?: { signal?: AbortSignal }): Promise<number>;
  /** Addresses, each ending in a peer id, that connected peers have told of themselves. */
  neighbours(): Promise<string[]>;
  /** The newest wire version that enough peers speak; above `WIRE_VERSION`, this program is out of date. */
  newestWire(): number;
  /** Tells about peers that come and go; returns what ends it. */
  onPeer(callback: (event: PeerEvent) => void): () => void;
  /** Puts points on a peer's record; at `networkLimits.penalty.banAt` it is disconnected and kept out until they have halved away. */
  penalise(peer: string, points: number, reason: string): void;
}

/**
 * The peer-to-peer layer: libp2p over TCP with Noise and Yamux, validated gossip, and verified blob streams. It knows topics and
 * hashes, not what they stand for.
 * @throws GainsayError `IDENTITY_INVALID`, `ADDRESS_INVALID`.
 */
export function createNetwork(options: NetworkOptions, dependencies: NetworkDependencies): Network {
  const { logger, verify, now = () => performance.now() } = dependencies;
  const privateKey = readIdentity(options.identityKey);
  const peerId = peerIdFromPrivateKey(privateKey).toString();
  for (const address of [...options.listen, ...(options.announce ?? [])]) parseAddress(address);
  const topicNames = options.topics ?? Object.values(topics).map(({ name }) => name);
  const penalties = createPenalties(now);
  const callbacks = new Set<(event: PeerEvent) => void>();
  const gossip = createGossip({ topicNames }, { logger, now });
  const blobs = createBlobs({ logger, verify, connect, onCorrupt: (peer) => penalise(peer, networkLimits.penalty.corruptBlob, "corrupt blob") });
  const bootstrapper = createBootstrapper(
    groupByPeer(options.bootstrap).filter(({ peer }) => peer.toString() !== peerId),
    { logger, connect, isConnected: ({ peer }) => (node?.getConnections(peer).length ?? 0) > 0 },
  );
  const versions = createVersionWatch(logger);
  const discoverer = createDiscoverer({
    logger,
    connect,
    count: () => node?.getPeers().length ?? 0,
    isConnected: ({ peer }) => (node?.getConnections(peer).length ?? 0) > 0,
    closest: async function* (key, signal) {
      if (node !== undefined) yield* node.peerRouting.getClosestPeers(key, { signal });
    },
  });
  let node: NetworkNode | undefined;
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  async function connect(target: PeerTarget, signal?: AbortSignal): Promise<Connection> {
    const running = node;
    const peer = target.peer.toString();
    if (running === undefined) throw new GainsayError("The network is not running; start it first.", { code: "NETWORK_NOT_STARTED" });
    if (penalties.isBanned(peer)) throw new GainsayError("The peer is cut off because it misbehaved; use another peer.", { code: "PEER_BANNED", retryable: true, details: { peer } });
    const unreachable = (cause?: unknown) =>
      new GainsayError("The peer cannot be reached; check its address and that it runs.", { code: "PEER_UNREACHABLE", retryable: true, details: { peer }, cause });
    return withDeadline(
      (deadline) =>
        running.dial(target.addresses.length > 0 ? target.addresses : target.peer, { signal: deadline }).catch((cause: unknown) => {
          throw unreachable(cause);
        }),
      { timeoutMs: networkLimits.dialTimeoutMs, signal, onTimeout: unreachable },
    );
  }

  function penalise(peer: string, points: number, reason: string): void {
    penalties.add(peer, points);
    logger.warn({ peer, points: penalties.points(peer), reason }, "peer penalised");
    if (!penalties.isBanned(peer)) return;
    for (const connection of node?.getConnections(parseTarget(peer).peer) ?? []) {
      connection.abort(new GainsayError("The peer misbehaved.", { code: "PEER_BANNED", details: { reason } }));
    }
  }

  function tell(peer: PeerId, connected: boolean): void {
    for (const callback of callbacks) {
      try {
        callback({ peer: peer.toString(), connected });
      } catch (error) {
        logger.error({ error }, "peer callback failed");
      }
    }
  }

  async function launch(): Promise<void> {
    await stopping;
    const created = await createNode(
      {
        privateKey,
        listen: options.listen,
        announce: options.announce ?? [],
        mdns: options.mdns ?? false,
        maxConnections: options.maxConnections ?? networkLimits.maxConnections,
        topicNames,
        nat: options.nat ?? false,
        relay: options.relay ?? false,
        ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
        ...(options.dht === undefined ? {} : { dht: options.dht }),
      },
      penalties,
    );
    created.addEventListener("peer:connect", ({ detail }) => tell(detail, true));
    created.addEventListener("peer:disconnect", ({ detail }) => tell(detail, false));
    const relayWatch = createRelayWatch(logger);
    created.addEventListener("connection:open", ({ detail }) => relayWatch.opened(detail));
    created.addEventListener("connection:close", ({ detail }) => relayWatch.closed(detail));
    created.addEventListener("peer:identify", ({ detail }) => versions.note(detail.peerId.toString(), detail.agentVersion));
    if (options.mdns === true) {
      // Told about every peer that is new to the peer store, those that dialled us included.
      created.addEventListener("peer:discovery", ({ detail }) => {
        if (created.getConnections(detail.id).length > 0) return;
        connect({ peer: detail.id, addresses: [] }).catch((error: unknown) => logger.debug({ error }, "discovered peer not reached"));
      });
    }
    try {
      // Before the start: the first peers then learn at once what this node speaks.
      await blobs.attach(created);
      await created.start();
      // Behind NAT the interface's address is not the one that others see.
      if (options.nat !== true) created.services.ownAddresses.confirm();
      gossip.attach(created.services.pubsub);
    } catch (cause) {
      await created.stop();
      blobs.detach();
      gossip.detach();
      throw new GainsayError("The network did not start; check that its listening addresses are free.", {
        code: "NETWORK_START_FAILED",
        details: { listen: options.listen },
        cause,
      });
    }
    node = created;
    bootstrapper.start();
    if (options.dht !== undefined) discoverer.start();
    logger.info({ peerId, addresses: addresses() }, "network started");
  }

  const onAbort = () => void stop().catch((error: unknown) => logger.error({ error }, "network did not stop cleanly"));

  function start(): Promise<void> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(aborted(signal));
    if (starting === undefined) {
      signal?.addEventListener("abort", onAbort, { once: true });
      const launched = launch().catch((error: unknown) => {
        if (starting === launched) starting = undefined;
        throw error;
      });
      starting = launched;
    }
    return starting;
  }

  function stop(): Promise<void> {
    stopping ??= shutDown().finally(() => {
      stopping = undefined;
    });
    return stopping;
  }

  async function shutDown(): Promise<void> {
    options.signal?.removeEventListener("abort", onAbort);
    const launched = starting;
    starting = undefined;
    await launched?.catch(() => undefined);
    const running = node;
    node = undefined;
    if (running === undefined) return;
    bootstrapper.stop();
    discoverer.stop();
    blobs.detach();
    gossip.detach();
    await running.stop();
    logger.info({ peerId }, "network stopped");
  }

  const addresses = (): string[] => node?.getMultiaddrs().slice(0, networkLimits.maxAddressesPerPeer).map(String) ?? [];

  return {
    peerId,
    gossip: gossip.gossip,
    blobs: blobs.blobs,
    start,
    stop,
    addresses,
    peers: () => node?.getPeers().map(String) ?? [],
    async dial(address, { signal } = {}) {
      return (await connect(parseTarget(address), signal)).remotePeer.toString();
    },
    async ping(address, { signal } = {}) {
      const { remotePeer } = await connect(parseTarget(address), signal);
      const running = node;
      const unreachable = (cause?: unknown) => new GainsayError("The peer does not answer; ask another one.", { code: "PEER_UNREACHABLE", retryable: true, details: { peer: remotePeer.toString() }, cause });
      if (running === undefined) throw unreachable();
      return withDeadline(
        (deadline) =>
          running.services.ping.ping(remotePeer, { signal: deadline }).catch((cause: unknown) => {
            throw unreachable(cause);
          }),
        { timeoutMs: networkLimits.pingTimeoutMs, signal, onTimeout: unreachable },
      );
    },
    newestWire: () => versions.newest(),
    async neighbours() {
      const running = node;
      if (running === undefined) return [];
      const found: string[] = [];
      for (const peer of running.getPeers()) {
        const known = await running.peerStore.get(peer).catch(() => undefined);
        for (const { multiaddr } of known?.addresses.slice(0, networkLimits.maxAddressesPerPeer) ?? []) {
          const text = String(multiaddr);
          found.push(text.endsWith(`/p2p/${peer.toString()}`) ? text : `${text}/p2p/${peer.toString()}`);
        }
      }
      return found;
    },
    onPeer(callback) {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
    penalise,
  };
}
