import { alignedMemory, createArena } from "./alignedMemory.ts";
import { FRAME_ALIGNMENT, type FrameSource } from "./frames.ts";

/** Bytes on their way from the thread that reads the pipe to the one that runs graphs. */
export const RING_BYTES = 4 * 1024 * 1024;
/** Parts of longer frames are copied out, so that the reading thread has room for what comes next while they are in use. */
const HELD_BYTES = RING_BYTES / 4;

/** `changed` counts whatever the taking thread may wait for. */
const control = { written: 0, taken: 1, closed: 2, changed: 3, words: 4 } as const;

/** A ring of bytes in memory that two threads see. Counts of bytes run through all 32-bit numbers. */
export interface Ring {
  bytes: Uint8Array;
  control: Int32Array;
}

export function createRing(): Ring {
  return { bytes: alignedMemory(RING_BYTES), control: new Int32Array(new SharedArrayBuffer(control.words * 4)) };
}

/** Fills a ring from `read`, which blocks until there are bytes and gives 0 at the end; then returns. */
export function fillRing({ bytes, control: counts }: Ring, read: (target: Uint8Array, offset: number, length: number) => number): void {
  const announce = (): void => {
    Atomics.add(counts, control.changed, 1);
    Atomics.notify(counts, control.changed);
  };
  try {
    for (let written = Atomics.load(counts, control.written); ; ) {
      const taken = Atomics.load(counts, control.taken);
      const free = RING_BYTES - ((written - taken) >>> 0);
      if (free === 0) {
        Atomics.wait(counts, control.taken, taken);
        continue;
      }
      const at = (written >>> 0) % RING_BYTES;
      const count = read(bytes, at, Math.min(free, RING_BYTES - at));
      if (count === 0) break;
      written = (written + count) | 0;
      Atomics.store(counts, control.written, written);
      announce();
    }
  } finally {
    // Also after an error: the other thread would wait for ever.
    Atomics.store(counts, control.closed, 1);
    announce();
  }
}

/** The other end of a ring. */
export interface RingSource extends FrameSource {
  /** Blocks this thread until there are more bytes than at the last look, or none will come. */
  wait(): void;
  /** Gives up all frames that were taken as a whole: views of them are overwritten from now on. */
  release(): void;
  readonly closed: boolean;
}

/** Takes bytes out of a ring: as views where they lie in one piece and the frame is not long, else as copies; parts start at multiples of `FRAME_ALIGNMENT` of memory in either case. */
export function ringSource({ bytes, control: counts }: Ring): RingSource {
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
    wait: () => void (Atomics.load(counts, control.closed) === 0 && Atomics.wait(counts, control.changed, changed)),
    mark() {
      whole = taken;
      viewed ||= viewing;
      viewing = false;
    },
    release() {
      // Of a long frame that is being copied, pieces may have been given up already.
      if (((whole - given) | 0) > 0) giveUp(whole);
      viewed = false;
      if (taken === whole) copies.reset();
    },
    get closed() {
      return Atomics.load(counts, control.closed) === 1;
    },
  };
}
