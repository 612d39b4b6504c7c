import type { Connection, Stream } from "@libp2p/interface";
import type { Libp2p } from "libp2p";
import { GainsayError } from "../../../protocol/errors.ts";
import type { PeerTarget } from "../addresses.ts";
import { networkLimits } from "../limits.ts";
import type { NetworkLogger } from "../logger.ts";
import { withDeadline } from "../withDeadline.ts";
import { type BlobName, blobProtocol, keptBlobProtocol } from "./blobMessages.ts";
import type { BlobVerifier } from "./createBlobAssembly.ts";
import { createSeats } from "./createSeats.ts";
import { createListAsker } from "./createListAsker.ts";
import { createSlots } from "./createSlots.ts";
import { createStreamPool } from "./createStreamPool.ts";
import { fetchBlob, type FetchOptions } from "./fetchBlob.ts";
import { fetchListed } from "./fetchListed.ts";
import type { HashedBlob, Listed, ListedWish } from "./receiveListed.ts";
import type { BlobSource } from "./serveBlob.ts";
import { serveStream } from "./serveStream.ts";
import type { TryDependencies } from "./tryPeers.ts";

const limits = networkLimits.blob;

export interface Blobs {
  /**
   * Serves what the source has; a later source is asked when the earlier ones have nothing. May be called before the network
   * starts. Returns what takes the source away.
   */
  serve(source: BlobSource): () => void;
  /**
   * Fetches a blob and verifies it chunk by chunk against its name, trying the peers in order and going on with the next where
   * one fails. Peers are addresses ending in `/p2p/<peer id>`, or peer ids that are known. A peer that sends a wrong byte is
   * cut off.
   * @throws GainsayError `BLOB_NOT_FOUND`, `BLOB_CORRUPT`, `BLOB_TIMEOUT`, `BLOB_INTERRUPTED`, `BLOB_TOO_LARGE`, `PEER_UNREACHABLE` or
   * `PEER_BANNED` if all peers failed alike, else `BLOB_UNAVAILABLE`, with `details.attempts`; `ABORTED`; `BLOB_NAME_INVALID`,
   * `ADDRESS_INVALID`, `NETWORK_NOT_STARTED`.
   */
  fetch(name: BlobName, peers: readonly string[], options?: FetchOptions): Promise<Uint8Array>;
  /** The same, together with the hashes of its chunks, so that nobody need hash it again. */
  fetchHashed(name: BlobName, peers: readonly string[], options?: FetchOptions): Promise<HashedBlob>;
  /**
   * Fetches a list and, in the same response, tensors that it names: those that the requester does not know, until half a mebibyte is full. Lets the list be
   * fetched by itself, and each tensor after it, by resolving to undefined where no peer answers this way, or list or tensors are not as long as was asked
   * for; the former way then tells what is wrong with them.
   * @throws GainsayError as {@link fetch}.
   */
  fetchListed(wish: ListedWish, peers: readonly string[], options?: Pick<FetchOptions, "signal" | "timeoutMs">): Promise<Listed | undefined>;
}

/** The blob layer and the hooks by which the network attaches a running node to it. */
export interface BlobLayer {
  blobs: Blobs;
  attach(node: Libp2p): Promise<void>;
  detach(): void;
}

export interface BlobDependencies {
  logger: NetworkLogger;
  verify: BlobVerifier;
  /** Connects to a peer. */
  connect(target: PeerTarget, signal: AbortSignal | undefined): Promise<Connection>;
  /** Puts a proved corruption on a peer's record and cuts it off. */
  onCorrupt(peer: string): void;
}

export function createBlobs(dependencies: BlobDependencies): BlobLayer {
  const { logger, verify, connect, onCorrupt } = dependencies;
  const sources = new Set<BlobSource>();
  const slots = createSlots(limits.maxFetchStreamsPerPeer);
  const seats = createSeats();
  const streams = createStreamPool(open);
  const lists = createListAsker({ streams, slots, verify });
  let running: { node: Libp2p; stopping: AbortController } | undefined;

  const source: BlobSource = {
    async open(name, peer) {
      for (const candidate of sources) {
        const blob = await candidate.open(name, peer);
        if (blob !== undefined) return blob;
      }
      return undefined;
    },
  };

  async function handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const signal = running?.stopping.signal ?? AbortSignal.abort();
    try {
      await serveStream(stream, peer, source, (close) => seats.enter(peer, close), signal);
    } catch (error) {
      logger.debug({ peer, error }, "blob request failed");
    }
  }

  async function open(target: PeerTarget, signal: AbortSignal | undefined): Promise<Stream> {
    const peer = target.peer.toString();
    const connection = await connect(target, signal);
    return withDeadline(
      async (deadline) => {
        try {
          return await connection.newStream([keptBlobProtocol, blobProtocol], { signal: deadline, runOnLimitedConnection: true });
        } catch (cause) {
          throw new GainsayError("The peer does not open blob streams; ask another peer.", { code: "PEER_UNREACHABLE", retryable: true, details: { peer }, cause });
        }
      },
      {
        timeoutMs: networkLimits.dialTimeoutMs,
        signal,
        onTimeout: () => new GainsayError("The peer did not open a blob stream in time; ask another peer.", { code: "BLOB_TIMEOUT", retryable: true, details: { peer } }),
      },
    );
  }

  function runningNow(): { node: Libp2p; stopping: AbortController } {
    if (running === undefined) throw new GainsayError("The network is not running; start it first.", { code: "NETWORK_NOT_STARTED" });
    return running;
  }

  /** Who is asked for a blob, and who is told of liars. */
  function asking(blob: BlobName): TryDependencies {
    return {
      self: runningNow().node.peerId.toString(),
      onCorrupt(liars, error) {
        for (const peer of liars) {
          logger.warn({ peer, reason: error.details["reason"], blob }, "peer sent corrupt data");
          onCorrupt(peer);
        }
      },
    };
  }

  /** Fetches one blob, until the network stops. */
  async function fetch(name: BlobName, peers: readonly string[], options: FetchOptions = {}): Promise<HashedBlob> {
    const { signal: stopped } = runningNow().stopping;
    const signal = options.signal === undefined ? stopped : AbortSignal.any([options.signal, stopped]);
    return fetchBlob(name, peers, { ...options, signal }, { ...asking(name), verify, slots, streams });
  }

  return {
    blobs: {
      serve(added) {
        sources.add(added);
        return () => void sources.delete(added);
      },
      fetch: async (name, peers, options) => (await fetch(name, peers, options)).bytes,
      fetchHashed: fetch,
      fetchListed: async (wish, peers, options = {}) => fetchListed(wish, peers, options, { ...asking(wish.list), lists }),
    },
    async attach(node) {
      running = { node, stopping: new AbortController() };
      for (const protocol of [keptBlobProtocol, blobProtocol]) {
        await node.handle(protocol, handle, {
          // One above our own count, which is the one that also holds across several connections of a peer.
          runOnLimitedConnection: true,
          maxInboundStreams: limits.maxServedStreamsPerPeer + 1,
          maxOutboundStreams: 2 * limits.maxFetchStreamsPerPeer,
        });
      }
    },
    detach() {
      running?.stopping.abort();
      lists.stop();
      streams.close();
      running = undefined;
    },
  };
}
