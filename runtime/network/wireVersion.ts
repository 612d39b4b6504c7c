import type { NetworkLogger } from "./logger.ts";

/**
 * Version of everything that goes over the wire: topics, data streams, the table of peers. A change that older nodes cannot follow is
 * a new number; both are then spoken side by side for a while, under their own names.
 */
export const WIRE_VERSION = 1;

/** What a node says of itself when it is identified, such as `gainsay/0.1.0 wire/1`. */
export function userAgentOf(release: string, wire: number = WIRE_VERSION): string {
  return `gainsay/${release} wire/${wire}`;
}

/** The wire version in a peer's words; undefined if it is no node of this kind, or says nothing sensible. */
export function wireOf(userAgent: string | undefined): number | undefined {
  const match = /^gainsay\/[\w.+-]{1,32} wire\/(\d{1,4})$/.exec(userAgent ?? "");
  return match === null ? undefined : Number(match[1]);
}

/** Learns from peers whether this program is out of date. */
export interface VersionWatch {
  /** To be told of each identified peer. */
  note(peer: string, userAgent: string | undefined): void;
  /** How many connected or past peers spoke which version; a newer one than `WIRE_VERSION` only counts once several said so. */
  newest(): number;
}

/** Peers that must speak a newer version before it is believed: one stranger's word is nothing. */
const BELIEVED_FROM = 3;
/** Peers remembered. */
const MAX_PEERS = 1_024;

export function createVersionWatch(logger: NetworkLogger, own: number = WIRE_VERSION): VersionWatch {
  const wires = new Map<string, number>();
  let told = own;
  const newest = (): number => {
    const newer = [...wires.values()].filter((wire) => wire > own).sort((a, b) => b - a);
    // The highest version that enough peers speak, or have left behind.
    return newer[BELIEVED_FROM - 1] ?? own;
  };
  return {
    note(peer, userAgent) {
      const wire = wireOf(userAgent);
      if (wire === undefined) return;
      wires.delete(peer);
      wires.set(peer, wire);
      const oldest = wires.keys().next();
      if (wires.size > MAX_PEERS && oldest.done !== true) wires.delete(oldest.value);
      if (wire < own) logger.info({ peer, theirs: wire, own }, "peer speaks an older version; it has been told ours");
      if (wire > own) logger.debug({ peer, theirs: wire, own }, "peer speaks a newer version");
      const believed = newest();
      if (believed <= told) return;
      told = believed;
      logger.error({ own, theirs: believed }, "the network has moved on to a newer version: update this program, or it will soon be alone");
    },
    newest,
  };
}
