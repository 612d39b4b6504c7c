/**
 * Every bound of the peer-to-peer layer, with its unit and its reason. Peers are strangers: whatever is not bounded here is
 * bounded by their goodwill. The values marked *wire* are part of the protocol and equal on all nodes.
 */
export const networkLimits = {
  /** Connections kept open. A gossip mesh needs about ten; the rest is room for peers that fetch data. */
  maxConnections: 100,
  /** Connections per second accepted from one host. Several daemons of one operator may start at once behind one address. */
  inboundConnectionsPerSecond: 20,
  /** Milliseconds for one dial, name resolution and handshakes included. Covers a slow intercontinental link several times over. */
  dialTimeoutMs: 10_000,
  /** Addresses told and tried of one peer. Two or three is usual; a host with many interfaces tells the first. */
  maxAddressesPerPeer: 8,
  /** Bytes of one multiaddr in text form. Longest real one seen (DNS, TCP, peer id): about 150. */
  maxAddressBytes: 256,
  /** Results in one announcement: as many as one transaction commits. *wire* */
  maxResultsPerMessage: 32,
  /** Programs in one offer; an executor with more tells the first. */
  maxModelsPerOffer: 32,
  /** Milliseconds between looks at missing bootstrap peers: quick enough that nodes started in any order find each other. */
  bootstrapIntervalMs: 2_000,
  /** Longest wait between two dials of a bootstrap peer that stays away, in milliseconds. */
  bootstrapBackoffMs: 60_000,
  /** Milliseconds between looks at whether a connection still answers. */
  pingIntervalMs: 30_000,
  /** Milliseconds for the answer. A machine whose cores all run inference may be busy for seconds and is not dead. */
  pingTimeoutMs: 20_000,

  /** Bytes a stream buffers while its reader is busy. At least the receive window below, so that pausing never breaks a stream. */
  maxStreamBufferBytes: 4 * 1024 * 1024,
  /** Yamux receive window of one stream, in bytes: 1 MiB fills a 100 Mbit/s link at 80 ms round trip. */
  maxStreamWindowBytes: 1024 * 1024,

  gossip: {
    /** Bytes of one call of gossipsub, which may answer a peer that was away with all it missed: 85 of the largest messages. */
    maxRpcBytes: 1024 * 1024,
    /** Bytes queued to one slow peer before its stream is given up. */
    maxOutboundBytes: 4 * 1024 * 1024,
    /** Messages that one relaying peer may bring a second, and at once. Beyond it they are ignored. */
    relay: { perSecond: 50, burst: 200 },
    /** Messages that one author may originate a second, and at once: results of 32 jobs go into one. */
    author: { perSecond: 5, burst: 50 },
    /** Peers whose message rate is remembered; the least recently heard is forgotten first. */
    trackedPeers: 4_096,
    /** Messages of one topic in validation at a time: a validator may ask the chain, and must not queue without end. */
    maxPendingValidations: 128,
    /** Entries of each list in one call. A node of ours subscribes to four topics and asks for what one heartbeat told it of. */
    maxSubscriptionsPerRpc: 64,
    maxMessagesPerRpc: 512,
    maxMessageIdsPerRpc: 2_048,
    maxControlsPerRpc: 512,
    /** Milliseconds for one validator. A chain that does not answer must not hold messages back for ever. */
    validationTimeoutMs: 5_000,
  },

  dht: {
    /** Peers below which a node looks for more: a gossip mesh of eight, and some to fetch from. */
    wantedPeers: 12,
    /** Milliseconds between looks while there are fewer. */
    lookIntervalMs: 20_000,
    /** Milliseconds for one look, and peers dialled after it. */
    lookTimeoutMs: 15_000,
    dialsPerLook: 8,
    /** Streams of all peers together; each holds one message of at most 64 KiB. */
    maxInboundStreams: 32,
    maxOutboundStreams: 64,
    /** Peers of one bucket, of at most 256 buckets: Kademlia's own number. */
    bucketSize: 20,
    /** Records are neither asked for nor kept: peers are all that this table is for. */
    maxRecordBytes: 1_024,
  },

  relay: {
    /** Peers behind NAT that hold a place at one relay. */
    maxReservations: 32,
    /** Milliseconds and bytes of one relayed connection: enough to fetch a trace of a middling model, not to run a service on it. */
    maxConnectionMs: 30 * 60_000,
    maxConnectionBytes: 512 * 1024 * 1024,
    /** Streams that ask the relay for something, all peers together. */
    maxHopStreams: 64,
    maxStopStreams: 64,
  },

  /** Peers whose addresses are written down for the next start, and how many of them are dialled then. */
  maxKnownPeers: 64,
  knownPeersDialled: 16,

  blob: {
    /** Wire. Bytes of one chunk; the chunk of the tensor trees. */
    chunkBytes: 1_024,
    /** Wire. Bytes of one hash. */
    leafBytes: 32,
    /** Wire. Bytes of one data or leaf frame: 64 chunks, so that a reader checks 64 KiB before it takes more. */
    frameBytes: 64 * 1024,
    /** Wire. Bytes of a request, whose longest form is about 250. */
    maxRequestBytes: 512,
    /** Wire. Bytes of a response header, whose longest form is about 70. */
    maxHeaderBytes: 256,
    /** Wire. Chunks of one request, 64 MiB: a lost stream costs the requester no more than that to ask again. */
    maxChunksPerRequest: 65_536,
    /** Bytes of the largest blob, 2 GiB: more than the activations of any layer a node can hold. */
    maxBlobBytes: 2 ** 31,
    /** Milliseconds for each frame. 64 KiB in 10 s also sets the slowest peer that is put up with, 6.5 KB/s. */
    readTimeoutMs: 10_000,
    /** Milliseconds that a server waits for a requester to take its data. */
    writeTimeoutMs: 30_000,
    /** Milliseconds that a response may wait for its reader altogether, and bytes a second that the reader has to take besides. */
    paceGraceMs: 60_000,
    leastBytesPerSecond: 16 * 1024,
    /** Streams served to one peer at a time. */
    maxServedStreamsPerPeer: 8,
    /** Streams served in all: each holds a frame or two, and one file handle. */
    maxServedStreams: 64,
    /** Streams that wait for their next request, of all peers together; of more, the one that has waited longest is closed. Each holds at most a request. */
    maxIdleServedStreams: 256,
    /** Milliseconds that a server waits for the next request. */
    servedIdleMs: 60_000,
    /** Streams kept to ask again, to all peers together, and for how long: well below the server's patience, so that they seldom cross with its closing. */
    maxIdleFetchStreams: 64,
    fetchIdleMs: 30_000,
    /** Streams opened to one peer at a time; below what a peer serves, so that honest nodes never refuse each other. */
    maxFetchStreamsPerPeer: 4,
    /** Peers tried for one blob. */
    maxPeersPerFetch: 16,

    /** A list together with its tensors. */
    listed: {
      /** Wire. Items of the list: the posted trace of a program has tens, and they fill one frame. */
      maxItems: 2_048,
      /** Wire. Tensors that the requester says it has, and bytes of each one's root. */
      maxKnown: 512,
      knownBytes: 8,
      /** Wire. Bytes of such a request: the tensors, and a name. */
      maxRequestBytes: 9_216,
      /** Wire. Bytes of its header, which has a bit for each item. */
      maxHeaderBytes: 1_024,
      /** Wire. Bytes of all tensors in one response, which are checked when they are complete: what a program with blocks posts, and most small ones by layer. */
      maxBytes: 512 * 1024,
      /** Lists that one peer is asked for together, all of them no larger than one response may be. */
      maxShared: 32,
    },
  },

  penalty: {
    /** Points for one proved corruption. The wire is authenticated, so a wrong byte is the peer's own. */
    corruptBlob: 100,
    /** Points at which a peer is cut off; one corruption is enough. */
    banAt: 50,
    /** Milliseconds in which points halve: a corruption bans for ten minutes, a repaired peer comes back. */
    halfLifeMs: 600_000,
    /** Peers whose points are remembered. */
    trackedPeers: 4_096,
  },
} as const;
