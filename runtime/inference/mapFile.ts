import { loadForeign, type Foreign } from "../../protocol/foreign.ts";

/** `PROT_READ | PROT_WRITE`, and `MAP_SHARED`, which Linux has the same everywhere. */
const READ_AND_WRITE = 3;
const SHARED = 1;

interface System {
  foreign: Foreign;
  map(at: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number;
  unmap(at: number, bytes: number): number;
  allocate(fd: number, offset: number, bytes: number): number;
}

let system: System | null | undefined;

/** Functions of the C library; null where they cannot be called, or are others. */
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
    };
  } catch {
    return null;
  }
}

/** Mappings end when nobody has their bytes any more. */
const mappings = new FinalizationRegistry(({ at, bytes }: { at: number; bytes: number }) => void system?.unmap(at, bytes));

/** The first bytes of an open file as memory, the same for all processes that map it; undefined where that cannot be done. Only what `allocateFile` was given may be touched: the system ends a process that does more. */
export function mapFile(fd: number, bytes: number): Uint8Array | undefined {
  system ??= loadSystem();
  if (system === null || system === undefined) return undefined;
  const at = Number(system.map(0, bytes, READ_AND_WRITE, SHARED, fd, 0));
  if (at <= 0) return undefined;
  const memory = system.foreign.view(at, bytes);
  mappings.register(memory, { at, bytes });
  return new Uint8Array(memory);
}

/** Gives a part of a file its room, in memory or on disk; false if there is none. */
export function allocateFile(fd: number, offset: number, bytes: number): boolean {
  system ??= loadSystem();
  return system !== null && system !== undefined && system.allocate(fd, offset, bytes) === 0;
}
