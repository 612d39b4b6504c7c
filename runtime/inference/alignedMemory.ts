/** Bytes of a page of WebAssembly memory, at whose multiples such memory starts. */
const PAGE_BYTES = 64 * 1024;
/** What an arena keeps; for longer pieces it makes memory that is let go of with them. */
const KEPT_BYTES = 256 * 1024 * 1024;

interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  /** Adds pages at the end; views of what was there stay valid. */
  grow(pages: number): number;
}

/** TypeScript declares this class among those of browsers only. */
const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: new (size: { initial: number; maximum: number; shared: true }) => SharedMemory } }).WebAssembly;

/**
 * Shared memory that starts at a page. ONNX Runtime's own buffers start at multiples of 64 bytes, and some kernels sum in another order where elements do not; WebAssembly's
 * memory is the only one whose address JavaScript can rely on.
 */
export function alignedMemory(bytes: number): Uint8Array {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  const { buffer } = new Memory({ initial: pages, maximum: pages, shared: true });
  return new Uint8Array(buffer, 0, bytes);
}

/** Memory that is given out in pieces and taken back as a whole. */
export interface Arena {
  /** A piece that starts at a multiple of `alignment`; its bytes are whatever was there before. Pieces stay where they are when the arena grows. */
  take(bytes: number): Uint8Array;
  /** All pieces may be given out again. */
  reset(): void;
}

/** Makes an arena, which grows as needed and stays as large as it was. */
export function createArena(alignment: number): Arena {
  let memory: SharedMemory | undefined;
  let used = 0;
  return {
    take(bytes) {
      if (used + bytes > KEPT_BYTES) return alignedMemory(bytes);
      memory ??= new Memory({ initial: 1, maximum: KEPT_BYTES / PAGE_BYTES, shared: true });
      const missing = used + bytes - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
      const piece = new Uint8Array(memory.buffer, used, bytes);
      used = Math.ceil((used + bytes) / alignment) * alignment;
      return piece;
    },
    reset() {
      used = 0;
    },
  };
}
