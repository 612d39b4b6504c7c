import { alignedMemory, createArena } from "./alignedMemory.ts";
import { FRAME_ALIGNMENT, type FrameSource } from "./frames.ts";

/** Bytes on their way from the thread that reads the pipe to the one that runs graphs. */
export const RING_BYTES = 4 * 1024 * 1024;
/** Parts of longer frames are copied out, so that the reading thread has room for what comes next while they are in use. */
const HELD_BYTES = RING_BYTES / 4;

/** `changed` counts whatever the taking thread may wait for; `filler` says who reads the pipe, `thread` whether there is a thread for it, `ahead` whether that is to do so. */
const control = { written: 0, taken: 1, closed: 2, changed: 3, filler: 4, thread: 5, ahead: 6, words: 7 } as const;
const fillers = { nobody: 0, taker: 1, thread: 2 } as const;
const ahead = { unwanted: 0, wanted: 1 } as const;

/** Reads bytes into a place; blocks until there are some, and gives 0 at the end. */
export type Read = (target: Uint8Array, offset: number, length: number) => number;

/** A ring of bytes in memory that two threads see. Counts of bytes run through all 32-bit numbers. */
export interface Ring {
  bytes: Uint8Array;
  control: Int32Array;
}

/** Makes a ring, to be filled ahead until somebody says otherwise. */
export function createRing(): Ring {
  const ring = { bytes: alignedMemory(RING_BYTES), control: new Int32Array(new SharedArrayBuffer(control.words * 4)) };
  ring.control[control.ahead] = ahead.wanted;
  return ring;
}

/** Fills a ring from `read` while the taking thread wants it filled ahead; returns at the end. */
export function fillRing(ring: Ring, read: Read): void {
  const { control: counts } = ring;
  Atomics.store(counts, control.thread, 1);
  try {
    for (let more = true; more; ) {
      Atomics.wait(counts, control.ahead, ahead.unwanted);
      if (Atomics.compareExchange(counts, control.filler, fillers.nobody, fillers.thread) === fillers.taker) {
        Atomics.wait(counts, control.filler, fillers.taker);
        continue;
      }
      while (more && Atomics.load(counts, control.ahead) === ahead.wanted) more = fillOnce(ring, read);
      Atomics.store(counts, control.filler, fillers.nobody);
      // The other thread may be waiting for bytes that nobody reads any more.
      announce(counts);
    }
  } finally {
    // Also after an error: the other thread would wait for ever.
    close(ring);
  }
}

/** Reads once, as soon as there is room; false at the end. */
function fillOnce({ bytes, control: counts }: Ring, read: Read): boolean {
  const written = Atomics.load(counts, control.written);
  for (;;) {
    const taken = Atomics.load(counts, control.taken);
    const free = RING_BYTES - ((written - taken) >>> 0);
    if (free === 0) {
      Atomics.wait(counts, control.taken, taken);
      continue;
    }
    const at = (written >>> 0) % RING_BYTES;
    const count = read(bytes, at, Math.min(free, RING_BYTES - at));
    if (count === 0) return false;
    Atomics.store(counts, control.written, (written + count) | 0);
    announce(counts);
    return true;
  }
}

function close({ control: counts }: Ring): void {
  Atomics.store(counts, control.closed, 1);
  announce(counts);
}

function announce(counts: Int32Array): void {
  Atomics.add(counts, control.changed, 1);
  Atomics.notify(counts, control.changed);
}

/** The other end of a ring. */
export interface RingSource extends FrameSource {
  /** Blocks this thread until there are more bytes than at the last look, or none will come. */
  wait(): void;
  /** Has the ring filled by the thread, if there is one, while this one is at work, or only when this one waits: a thread that wakes up for each frame costs more than a short frame takes. */
  readAhead(wanted: boolean): void;
  /** Gives up all frames that were taken as a whole: views of them are overwritten from now on. */
  release(): void;
  readonly closed: boolean;
}

/**
 * Takes bytes out of a ring: as views where they lie in one piece and the frame is not long, else as copies; parts start at multiples of `FRAME_ALIGNMENT` of memory in either case.
 * With `read`, whoever waits fills the ring himself where no thread does.
 */
export function ringSource(ring: Ring, read?: Read): RingSource {
  const { bytes, control: counts } = ring;
  let taken = 0;
  /** Up to where the ring has been given up. */
  let given = 0;
  /** Where the last whole frame ends; whether parts of whole frames are views, and of the one that is being taken. */
  let whole = 0;
  let viewed = false;
  let viewing = false;
  let changed = 0;
  let target: Uint8Array | undefined;
  let filled = 0;
  const copies = createArena(FRAME_ALIGNMENT);
  const available = (): number => {
    changed = Atomics.load(counts, control.changed);
    return (Atomics.load(counts, control.written) - taken) >>> 0;
  };
  const giveUp = (upTo: number): void => {
    given = upTo;
    Atomics.store(counts, control.taken, upTo);
    Atomics.notify(counts, control.taken);
  };
  /** A view; see `fits`. */
  const view = (length: number): Uint8Array | undefined => {
    if (available() < length) return undefined;
    const at = (taken >>> 0) % RING_BYTES;
    taken = (taken + length) | 0;
    return bytes.subarray(at, at + length);
  };
  /** A copy; with `releasing`, each piece of the ring is given up as soon as it has been copied, unless somebody still looks at what lies before it. */
  const copy = (length: number, releasing: boolean): Uint8Array | undefined => {
    target ??= copies.take(length);
    while (filled < length) {
      const at = (taken >>> 0) % RING_BYTES;
      const count = Math.min(available(), length - filled, RING_BYTES - at);
      if (count === 0) return undefined;
      target.set(bytes.subarray(at, at + count), filled);
      filled += count;
      taken = (taken + count) | 0;
      if (releasing && !viewed) giveUp(taken);
    }
    const full = target;
    target = undefined;
    filled = 0;
    return full;
  };
  /** Whether bytes can be viewed: none of them has been copied, and they do not run over the ring's end. */
  const fits = (length: number): boolean => target === undefined && ((taken >>> 0) % RING_BYTES) + length <= RING_BYTES && length <= HELD_BYTES;
  return {
    takeHead: (length) => (fits(length) ? view(length) : copy(length, true)),
    takePart(length, frameBytes) {
      if (frameBytes > HELD_BYTES) return copy(length, true);
      if (!fits(length)) return copy(length, false);
      const part = view(length);
      viewing ||= part !== undefined;
      return part;
    },
    wait() {
      if (Atomics.load(counts, control.closed) === 1) return;
      const isRead = Atomics.load(counts, control.ahead) === ahead.wanted && Atomics.load(counts, control.thread) === 1;
      if (read === undefined || isRead || Atomics.compareExchange(counts, control.filler, fillers.nobody, fillers.taker) !== fillers.nobody) return void Atomics.wait(counts, control.changed, changed);
      try {
        // The thread may have read something, and given up the pipe, since this one looked.
        if (Atomics.load(counts, control.changed) === changed && !fillOnce(ring, read)) close(ring);
      } finally {
        Atomics.store(counts, control.filler, fillers.nobody);
        Atomics.notify(counts, control.filler);
      }
    },
    readAhead(wanted) {
      const wish = wanted ? ahead.wanted : ahead.unwanted;
      if (Atomics.exchange(counts, control.ahead, wish) !== wish && wanted) Atomics.notify(counts, control.ahead);
    },
    mark() {
      whole = taken;
      viewed ||= viewing;
      viewing = false;
    },
    release() {
      // What was taken of the next frame is looked at in the ring, or has been copied.
      const end = viewing ? whole : taken;
      if (((end - given) | 0) > 0) giveUp(end);
      viewed = false;
      if (taken === whole) copies.reset();
    },
    get closed() {
      return Atomics.load(counts, control.closed) === 1;
    },
  };
}
