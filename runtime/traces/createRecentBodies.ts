/** The bodies of the small traces that were stored or read last, within a limit, so that what is asked for now is not read from disk. */
export interface RecentBodies {
  get(entry: object): Uint8Array | undefined;
  keep(entry: object, body: Uint8Array): void;
  forget(entry: object): void;
}

export function createRecentBodies(maxBytes: number): RecentBodies {
  const bodies = new Map<object, Uint8Array>();
  let total = 0;
  const forget = (entry: object): void => {
    total -= bodies.get(entry)?.length ?? 0;
    bodies.delete(entry);
  };
  return {
    get: (entry) => bodies.get(entry),
    keep(entry, body) {
      if (bodies.has(entry)) return;
      bodies.set(entry, body);
      total += body.length;
      for (const oldest of bodies.keys()) {
        if (total <= maxBytes) return;
        forget(oldest);
      }
    },
    forget,
  };
}
