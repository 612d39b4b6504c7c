import { loadForeign, type Foreign } from "../protocol/foreign.ts";

/** `PROT_READ | PROT_WRITE`, and `MAP_SHARED`, which Linux has the same everywhere. */
const READ_AND_WRITE = 3;
const SHARED = 1;
/** `FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE`. */
const GIVE_BACK = 3;

interface System {
  foreign: Foreign;
  map(at: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number;
  unmap(at: number, bytes: number): number;
  allocate(fd: number, offset: number, bytes: number): number;
  change(fd: number, mode: number, offset: number, bytes: number): number;
}

let system: System | null | undefined;

/** Functions of the C library; null where they cannot be called, or are others. */
function theSystem(): System | null {
  if (system === undefined) system = loadSystem();
  return system;
}

function loadSystem(): System | null {
  const foreign = process.platform === "linux" ? loadForeign() : undefined;
  if (foreign === undefined) return null;
  try {
    const own = foreign.load(null);
    return {
      foreign,
      map: own.func("int64_t mmap(uint64_t, size_t, int, int, int, int64_t)"),
      unmap: own.func("int munmap(uint64_t, size_t)"),
      allocate: own.func("int posix_fallocate(int, int64_t, int64_t)"),
      change: own.func("int fallocate(int, int, int64_t, int64_t)"),
    };
  } catch {
    return null;
  }
}

/** Mappings end when nobody has their bytes any more. */
const mappings = new FinalizationRegistry(({ at, bytes }: { at: number; bytes: number }) => void system?.unmap(at, bytes));

/** A file is mapped in pieces of so many bytes, each when something in it is looked at: V8 counts a mapping as a whole, and collects the less often the more there is. */
export const SEGMENT_BYTES = 32 * 1024 * 1024;

/** An open file as memory, the same for all processes that map it. */
export interface MappedFile {
  /** A view of bytes that lie in one segment; undefined of others, and where files cannot be mapped. Only what `allocateFile` was given may be touched: the system ends a process that does more. */
  view(at: number, bytes: number): Uint8Array | undefined;
}

/** Maps a file, when something in it is looked at for the first time. */
export function mapFile(fd: number): MappedFile {
  const segments: (Uint8Array | null)[] = [];
  const segment = (index: number): Uint8Array | null => {
    const own = theSystem();
    if (own === null) return null;
    const at = Number(own.map(0, SEGMENT_BYTES, READ_AND_WRITE, SHARED, fd, index * SEGMENT_BYTES));
    if (at <= 0) return null;
    const memory = own.foreign.view(at, SEGMENT_BYTES);
    mappings.register(memory, { at, bytes: SEGMENT_BYTES });
    return new Uint8Array(memory);
  };
  return {
    view(at, bytes) {
      const index = Math.floor(at / SEGMENT_BYTES);
      const from = at - index * SEGMENT_BYTES;
      if (from + bytes > SEGMENT_BYTES) return undefined;
      return (segments[index] ??= segment(index))?.subarray(from, from + bytes);
    },
  };
}

/** Gives a part of a file its room, in memory or on disk; false if there is none. */
export function allocateFile(fd: number, offset: number, bytes: number): boolean {
  return theSystem()?.allocate(fd, offset, bytes) === 0;
}

/** Gives the room of a part of a mapped file back. Nobody may touch it until it is given room again: whoever looks at it takes room, and is ended if there is none. */
export function freeFile(fd: number, offset: number, bytes: number): void {
  theSystem()?.change(fd, GIVE_BACK, offset, bytes);
}
