import type { PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { GainsayError } from "../../protocol/errors.ts";
import { networkLimits } from "./limits.ts";

/** A peer and where it can be reached; no address means wherever it is known or connected. */
export interface PeerTarget {
  peer: PeerId;
  addresses: Multiaddr[];
}

/**
 * Parses an address in text form, such as `/ip4/127.0.0.1/tcp/4001/p2p/12D3…`.
 * @throws GainsayError `ADDRESS_INVALID`.
 */
export function parseAddress(text: string): Multiaddr {
  if (text.length > networkLimits.maxAddressBytes) throw invalid(text);
  try {
    return multiaddr(text);
  } catch (cause) {
    throw invalid(text, cause);
  }
}

/**
 * Parses a peer: an address that ends in `/p2p/<peer id>`, or a bare peer id.
 * @throws GainsayError `ADDRESS_INVALID`.
 */
export function parseTarget(text: string): PeerTarget {
  if (text.length > networkLimits.maxAddressBytes) throw invalid(text);
  try {
    if (!text.startsWith("/")) return { peer: peerIdFromString(text), addresses: [] };
    const address = multiaddr(text);
    const last = address.getComponents().at(-1);
    if (last?.name !== "p2p" || last.value === undefined) throw new Error("the address names no peer");
    return { peer: peerIdFromString(last.value), addresses: address.getComponents().length === 1 ? [] : [address] };
  } catch (cause) {
    throw invalid(text, cause);
  }
}

/** True if {@link parseTarget} would read the text as an address with a peer id. */
export function isPeerAddress(text: string): boolean {
  if (!text.startsWith("/")) return false;
  try {
    return parseTarget(text).addresses.length === 1;
  } catch {
    return false;
  }
}

/** Puts the addresses of one peer together, keeps the order of first mention, and drops what is over the limit. */
export function groupByPeer(texts: readonly string[]): PeerTarget[] {
  const targets = new Map<string, PeerTarget>();
  for (const text of texts) {
    const { peer, addresses } = recentTarget(text);
    const known = targets.get(peer.toString());
    if (known === undefined) targets.set(peer.toString(), { peer, addresses: [...addresses] });
    else if (known.addresses.length < networkLimits.maxAddressesPerPeer) known.addresses.push(...addresses);
  }
  return [...targets.values()];
}

/** Targets parsed last: the same few peers are asked again and again, and parsing takes as long as a small request. */
const recent = new Map<string, PeerTarget>();
const MAX_RECENT = 256;

function recentTarget(text: string): PeerTarget {
  const known = recent.get(text);
  if (known !== undefined) return known;
  const target = parseTarget(text);
  const oldest = recent.keys().next();
  if (recent.size >= MAX_RECENT && oldest.done !== true) recent.delete(oldest.value);
  recent.set(text, target);
  return target;
}

function invalid(text: string, cause?: unknown): GainsayError {
  return new GainsayError("A network address is malformed; write it like /ip4/127.0.0.1/tcp/4001/p2p/<peer id>.", {
    code: "ADDRESS_INVALID",
    kind: "usage",
    details: { address: text.slice(0, networkLimits.maxAddressBytes) },
    cause,
  });
}
