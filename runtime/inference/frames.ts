/** A message between the daemon and its inference process: a JSON object and raw byte strings. */
export interface Frame {
  header: Record<string, unknown>;
  parts: Uint8Array[];
}

/**
 * Frames and their parts start at multiples of this, so that whoever has a frame in memory can view its parts as elements. It is that of ONNX Runtime's own
 * buffers: some kernels sum in another order where elements do not start at a multiple of a vector register, and a graph must give the same bits each time.
 */
export const FRAME_ALIGNMENT = 64;

const LENGTHS_BYTES = 8;
/** Up to this many bytes are copied together rather than written one by one. */
const JOINED_BYTES = 16 * 1024;

/** Where the bytes of frames come from. */
export interface FrameSource {
  /** The next bytes for a head, which are read before any more are taken; undefined as long as there are not that many yet. */
  takeHead(bytes: number): Uint8Array | undefined;
  /** The next bytes for a part, which must stay as they are as long as the frame is in use. All parts of the frame have `frameBytes`. */
  takePart(bytes: number, frameBytes: number): Uint8Array | undefined;
}

/**
 * Bytes of a frame, in pieces. Layout: u32 bytes of JSON, u32 number of parts, one f64 length a part (all little-endian), the JSON, the parts; what comes
 * before the parts and each part are padded with zeros to a multiple of `FRAME_ALIGNMENT`.
 */
export function encodeFrame({ header, parts }: Frame): Uint8Array[] {
  const json = JSON.stringify(header);
  const jsonBytes = Buffer.byteLength(json);
  const headBytes = padded(LENGTHS_BYTES + parts.length * 8 + jsonBytes);
  const joined = parts.reduce((sum, part) => sum + padded(part.length), headBytes);
  const head = Buffer.alloc(joined <= JOINED_BYTES ? joined : headBytes);
  head.writeUInt32LE(jsonBytes, 0);
  head.writeUInt32LE(parts.length, 4);
  parts.forEach((part, i) => head.writeDoubleLE(part.length, LENGTHS_BYTES + i * 8));
  head.write(json, LENGTHS_BYTES + parts.length * 8, "utf8");
  if (head.length === headBytes) return [head, ...parts.flatMap((part) => (part.length % FRAME_ALIGNMENT === 0 ? [part] : [part, new Uint8Array(padded(part.length) - part.length)]))].filter(({ length }) => length > 0);
  let at = headBytes;
  for (const part of parts) {
    head.set(part, at);
    at += padded(part.length);
  }
  return [head];
}

/** Reads frames one after another; `next` is undefined as long as there is not a whole one. */
export function createFrameReader(source: FrameSource): { next(): Frame | undefined } {
  let lengths: { json: number; parts: number } | undefined;
  let sizes: number[] = [];
  let total = 0;
  let header: Record<string, unknown> | undefined;
  let parts: Uint8Array[] = [];
  return {
    next() {
      if (lengths === undefined) {
        const bytes = source.takeHead(LENGTHS_BYTES);
        if (bytes === undefined) return undefined;
        const view = viewOf(bytes);
        lengths = { json: view.getUint32(0, true), parts: view.getUint32(4, true) };
      }
      if (header === undefined) {
        const bytes = source.takeHead(padded(LENGTHS_BYTES + lengths.parts * 8 + lengths.json) - LENGTHS_BYTES);
        if (bytes === undefined) return undefined;
        const view = viewOf(bytes);
        sizes = Array.from({ length: lengths.parts }, (_, i) => view.getFloat64(i * 8, true));
        total = sizes.reduce((sum, size) => sum + padded(size), 0);
        header = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + lengths.parts * 8, lengths.json).toString("utf8")) as Record<string, unknown>;
      }
      while (parts.length < lengths.parts) {
        const size = sizes[parts.length] as number;
        const bytes = source.takePart(padded(size), total);
        if (bytes === undefined) return undefined;
        parts.push(bytes.subarray(0, size));
      }
      const frame = { header, parts };
      lengths = header = undefined;
      parts = [];
      return frame;
    },
  };
}

function padded(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
