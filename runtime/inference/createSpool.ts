import { closeSync, ftruncateSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { fill, type FilePart } from "../hashing/filePart.ts";
import { createLastingViews } from "../hashing/lastingRoom.ts";
import { allocateFile, freeFile, mapFile, SEGMENT_BYTES } from "../mapFile.ts";

/** Where files are memory, if the system has such a place. */
const SHARED_MEMORY = "/dev/shm";
/** Where it ends. */
const SPOOL_BYTES = 256 * 1024 * 1024;
/** How much of it stays once nothing has been held for so many milliseconds: memory that only a burst needed is given back, but not between two of them. */
const KEPT_BYTES = 64 * 1024 * 1024;
const IDLE_MS = 1_000;
/** Regions before it is mapped: what that takes is loaded in a hundredth of a second, for which no start should wait. */
const UNMAPPED_REGIONS = 16;
/** More views than the tensors of a few programs have places. */
const MOST_VIEWS = 16 * 1024;
/** Regions begin at multiples of this, so that two of them share no page. */
const PAGE_BYTES = 4096;

/**
 * A file that the daemon and its inference process have open, in which the outputs of runs stay until somebody wants their bytes, or nobody ever will. A write to a file that is in
 * memory takes a fifth of the time of one to a pipe, and nobody has to read it.
 */
export interface Spool {
  readonly fd: number;
  /** Room for so many bytes; undefined if there is none left. */
  reserve(bytes: number): Region | undefined;
  /** Closes the file once nothing is held any more. */
  close(): void;
}

/** A piece of a spool, held until it is released. */
export interface Region {
  readonly offset: number;
  readonly bytes: number;
  /** Whether it is memory of both processes. */
  readonly mapped: boolean;
  readonly released: boolean;
  /** A view of bytes of a mapped region, valid until it is released. Throws `OUTPUTS_RELEASED`. */
  view(at: number, length: number): Uint8Array;
  /** Bytes of the region, into `target`. Throws `OUTPUTS_RELEASED`. */
  read(at: number, target: Uint8Array): Uint8Array;
  /** Where bytes of the region lie in the file, for threads. Throws `OUTPUTS_RELEASED`. */
  file(at: number, byteLength: number): FilePart;
  /** Gives it up; once more changes nothing. A region that nobody has any more is given up some day. */
  release(): void;
}

/** Regions that were reserved last, and up to how many bytes each. */
const RECENT_REGIONS = 64;
const RECENT_BYTES = 64 * 1024;

/** Where a region lies, in whole pages. */
interface Place {
  offset: number;
  length: number;
}

/** Numbers of spools, one after the other: descriptors are used again. */
let files = 0;

/** Opens a spool that has no name; undefined where that cannot be done, and outputs go through the pipe. */
export function openSpool(): Spool | undefined {
  const inMemory = openUnnamed(SHARED_MEMORY);
  const fd = inMemory ?? openUnnamed(tmpdir());
  if (fd === undefined) return undefined;
  const own = { fd, file: files++ };
  /** Offsets of regions that were given up, by their length: the last is the warmest. */
  const free = new Map<number, number[]>();
  let end = 0;
  /** Up to where it has been used since memory was given back. */
  let most = 0;
  let timer: NodeJS.Timeout | undefined;
  let held = 0;
  let uses = 0;
  const memory = mapFile(fd);
  const { view } = createLastingViews(MOST_VIEWS, (at, length) => memory.view(at, length) as Uint8Array);
  /** Whether any of it has been mapped. */
  let isMapped = false;
  /** Where the file has its room: how many bytes from which offset on. */
  const allocated = new Map<number, number>();
  const mapped = ({ offset, length }: Place): View | undefined => {
    // Room that a disk's file system has given may be missing all the same when it is written to once more, as where it copies on write.
    if (inMemory === undefined || ++uses <= UNMAPPED_REGIONS) return undefined;
    if (memory.view(offset, length) === undefined) return undefined;
    isMapped = true;
    // Room that is not there would end whoever writes to it.
    if ((allocated.get(offset) ?? 0) < length) {
      if (!allocateFile(fd, offset, length)) return undefined;
      allocated.set(offset, length);
    }
    return view;
  };
  let closing = false;
  const giveUp = ({ offset, length }: Place): void => {
    held--;
    if (held === 0) {
      most = Math.max(most, end);
      if (most > KEPT_BYTES && !closing) timer ??= setTimeout(giveBack, IDLE_MS).unref();
      free.clear();
      end = 0;
    } else if (free.get(length)?.push(offset) === undefined) free.set(length, [offset]);
    closeIfUnused();
  };
  const giveBack = (): void => {
    timer = undefined;
    if (held > 0 || closing) return;
    most = 0;
    // Where it is mapped, it is never cut off: whoever looks beyond the end is ended.
    if (isMapped) freeFile(fd, KEPT_BYTES, SPOOL_BYTES - KEPT_BYTES);
    else ftruncateSync(fd, KEPT_BYTES);
    for (const [offset, length] of allocated) if (offset + length > KEPT_BYTES) allocated.delete(offset);
  };
  const closeIfUnused = (): void => {
    if (closing && held === 0) closeSync(fd);
  };
  /** Regions that nobody has any more, and nobody released. */
  const lost = new FinalizationRegistry(giveUp);
  /**
   * Small regions go to the registry when so many others have been reserved after them: by then nearly all are released. One that is in the registry costs the garbage collector more
   * than all else of a run.
   */
  const recent: (HeldRegion | undefined)[] = [];
  let next = 0;
  const watchOver = (region: HeldRegion, length: number): void => {
    if (length > RECENT_BYTES) return region.watch(lost);
    recent[next]?.watch(lost);
    recent[next] = region;
    next = (next + 1) % RECENT_REGIONS;
  };
  return {
    fd,
    reserve(bytes) {
      const length = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
      let offset = free.get(length)?.pop();
      if (offset === undefined) {
        // None lies in two segments that could lie in one.
        offset = length > SEGMENT_BYTES || (end % SEGMENT_BYTES) + length <= SEGMENT_BYTES ? end : Math.ceil(end / SEGMENT_BYTES) * SEGMENT_BYTES;
        if (offset + length > SPOOL_BYTES) return undefined;
        end = offset + length;
      }
      held++;
      const place = { offset, length };
      const region = new HeldRegion(own, bytes, place, mapped(place), giveUp);
      watchOver(region, length);
      return region;
    },
    close() {
      closing = true;
      closeIfUnused();
    },
  };
}

type View = (at: number, length: number) => Uint8Array;

class HeldRegion implements Region {
  readonly bytes: number;
  readonly #fd: number;
  readonly #file: number;
  readonly #place: Place;
  readonly #view: View | undefined;
  readonly #giveUp: (place: Place) => void;
  #released = false;
  #watchedBy: FinalizationRegistry<Place> | undefined;

  constructor({ fd, file }: { fd: number; file: number }, bytes: number, place: Place, view: View | undefined, giveUp: (place: Place) => void) {
    this.bytes = bytes;
    this.#fd = fd;
    this.#file = file;
    this.#place = place;
    this.#view = view;
    this.#giveUp = giveUp;
  }

  get offset(): number {
    return this.#place.offset;
  }

  get mapped(): boolean {
    return this.#view !== undefined;
  }

  view(at: number, length: number): Uint8Array {
    this.#check();
    return (this.#view as View)(this.offset + at, length);
  }

  file(at: number, byteLength: number): FilePart {
    this.#check();
    return { fd: this.#fd, at: this.offset + at, byteLength, ...(this.mapped ? { mapped: this.#file } : {}) };
  }

  read(at: number, target: Uint8Array): Uint8Array {
    this.#check();
    if (!fill(target, this.#fd, this.offset + at)) throw new GainsayError("The outputs of a run are not where the inference process was to put them; run it again.", { code: "OUTPUTS_LOST", retryable: true });
    return target;
  }

  #check(): void {
    if (this.#released) throw new GainsayError("The outputs of this run have been released; nobody may read them any more.", { code: "OUTPUTS_RELEASED" });
  }

  get released(): boolean {
    return this.#released;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#watchedBy?.unregister(this);
    this.#giveUp(this.#place);
  }

  /** Has it given up when nobody has it any more. */
  watch(lost: FinalizationRegistry<Place>): void {
    if (this.#released) return;
    this.#watchedBy = lost;
    lost.register(this, this.#place, this);
  }
}

/** A file of this process alone, and of those that it hands it to: its name is gone at once. */
function openUnnamed(folder: string): number | undefined {
  // An open file cannot lose its name there.
  if (process.platform === "win32") return undefined;
  try {
    const own = mkdtempSync(path.join(folder, "gainsay-"));
    const name = path.join(own, "spool");
    const fd = openSync(name, "wx+", 0o600);
    unlinkSync(name);
    rmdirSync(own);
    return fd;
  } catch {
    return undefined;
  }
}
