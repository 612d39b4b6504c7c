export interface GatheringOptions {
  /** Milliseconds for which the first item waits for others. */
  waitMs: number;
  /** Items, and bytes, with which it waits no longer. */
  maxItems: number;
  maxBytes: number;
}

/** Something to be written together with others. Two of one key are never in one batch. */
export interface Gathered {
  key: string;
  bytes: number;
}

/** Items that come at nearly the same time and are written as one batch. */
export interface Gathering<Item extends Gathered> {
  /** Resolves once the item's batch is written; rejects as `write` does, or with the error that it gave for this item. */
  add(item: Item): Promise<void>;
  /** Ends the batch that gathers now, if any, and has it written. */
  seal(): void;
}

/** `write` is called with each batch when it is sealed, and resolves to the error of each item that has one of its own. */
export function createGathering<Item extends Gathered>({ waitMs, maxItems, maxBytes }: GatheringOptions, write: (items: readonly Item[]) => Promise<ReadonlyMap<Item, unknown>>): Gathering<Item> {
  interface Batch {
    items: Item[];
    keys: Set<string>;
    bytes: number;
    timer: NodeJS.Timeout;
    written: PromiseWithResolvers<ReadonlyMap<Item, unknown>>;
  }
  let open: Batch | undefined;

  const seal = (): void => {
    if (open === undefined) return;
    const { timer, items, written } = open;
    open = undefined;
    clearTimeout(timer);
    write(items).then(written.resolve, written.reject);
  };

  return {
    seal,
    async add(item) {
      if (open?.keys.has(item.key)) seal();
      const batch = (open ??= { items: [], keys: new Set(), bytes: 0, timer: setTimeout(seal, waitMs), written: Promise.withResolvers() });
      batch.items.push(item);
      batch.keys.add(item.key);
      batch.bytes += item.bytes;
      if (batch.items.length >= maxItems || batch.bytes >= maxBytes) seal();
      const errors = await batch.written.promise;
      if (errors.has(item)) throw errors.get(item);
    },
  };
}
