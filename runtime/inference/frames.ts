/** A message between the daemon and its inference process: a JSON object, which stays as it is, and raw byte strings. */
export interface Frame {
  header: Readonly<Record<string, unknown>>;
  parts: readonly Uint8Array[];
}

/**
 * Frames and their parts start at multiples of this, so that whoever has a frame in memory can view its parts as elements. It is that of ONNX Runtime's own
 * buffers: some kernels sum in another order where elements do not start at a multiple of a vector register, and a graph must give the same bits each time.
 */
export const FRAME_ALIGNMENT = 64;

const LENGTHS_BYTES = 8;

/** Where the bytes of frames come from. */
export interface FrameSource {
  /** The next bytes for a head, which are read before any more are taken; undefined as long as there are not that many yet. */
  takeHead(bytes: number): Uint8Array | undefined;
  /** The next bytes for a part, which must stay as they are as long as the frame is in use. All parts of the frame have `frameBytes`. */
  takePart(bytes: number, frameBytes: number): Uint8Array | undefined;
  /** Says that a frame has been taken as a whole. */
  mark?(): void;
}

/** Bytes of a frame, in pieces; see `createFrameWriter`. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const { json, headBytes } = measure(frame);
  const head = Buffer.alloc(headBytes);
  writeHead(head, 0, json, frame.parts);
  return [head, ...paddedParts(frame.parts)];
}

/** Collects frames that are sent together. */
export interface FrameWriter {
  /** Copies the frame behind the ones before it; false if there is no room for it. */
  add(frame: Frame): boolean;
  readonly length: number;
  /** What has been collected; overwritten by the frames that are added from now on. */
  take(): Uint8Array;
}

/**
 * Makes a writer with room for so many bytes. Layout of a frame: u32 bytes of JSON, u32 number of parts, one f64 length a part (all little-endian), the JSON, the
 * parts; what comes before the parts and each part are padded to a multiple of `FRAME_ALIGNMENT`.
 */
export function createFrameWriter(bytes: number): FrameWriter {
  const room = Buffer.alloc(bytes);
  let used = 0;
  return {
    add(frame) {
      const { json, headBytes, total } = measure(frame);
      if (used + total > room.length) return false;
      writeHead(room, used, json, frame.parts);
      setPadded(room, used + headBytes, frame.parts);
      used += total;
      return true;
    },
    get length() {
      return used;
    },
    take() {
      const taken = room.subarray(0, used);
      used = 0;
      return taken;
    },
  };
}

/** What lies between two parts. */
const padding = new Uint8Array(FRAME_ALIGNMENT);

/** Parts and the padding behind each, in pieces. */
export function paddedParts(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.flatMap((part) => [part, padding.subarray(0, padded(part.length) - part.length)]).filter(({ length }) => length > 0);
}

let last: { header: Frame["header"]; json: string; bytes: number } = { header: {}, json: "{}", bytes: 2 };

/** JSON of a header. Many messages in a row have the same object for a header, which is encoded once. */
function encodeHeader(header: Frame["header"]): { json: string; bytes: number } {
  if (header !== last.header) {
    const json = JSON.stringify(header);
    last = { header, json, bytes: Buffer.byteLength(json) };
  }
  return last;
}

function measure({ header, parts }: Frame): { json: string; headBytes: number; total: number } {
  const { json, bytes } = encodeHeader(header);
  const headBytes = padded(LENGTHS_BYTES + parts.length * 8 + bytes);
  return { json, headBytes, total: headBytes + paddedTotal(parts) };
}

function writeHead(target: Buffer, at: number, json: string, parts: readonly Uint8Array[]): void {
  target.writeUInt32LE(parts.length, at + 4);
  let next = at + LENGTHS_BYTES;
  for (const part of parts) next = target.writeDoubleLE(part.length, next);
  target.writeUInt32LE(target.write(json, next, "utf8"), at);
}

/** Reads frames one after another; `next` is undefined as long as there is not a whole one. */
export function createFrameReader(source: FrameSource): { next(): Frame | undefined } {
  let lengths: { json: number; parts: number } | undefined;
  let sizes: number[] = [];
  let total = 0;
  let header: Frame["header"] | undefined;
  let parts: Uint8Array[] = [];
  const parse = createHeaderParser();
  return {
    next() {
      if (lengths === undefined) {
        const bytes = source.takeHead(LENGTHS_BYTES);
        if (bytes === undefined) return undefined;
        lengths = { json: readUint32(bytes, 0), parts: readUint32(bytes, 4) };
      }
      if (header === undefined) {
        const bytes = source.takeHead(padded(LENGTHS_BYTES + lengths.parts * 8 + lengths.json) - LENGTHS_BYTES);
        if (bytes === undefined) return undefined;
        const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        sizes = [];
        total = 0;
        for (let i = 0; i < lengths.parts; i++) {
          const size = head.readDoubleLE(i * 8);
          sizes.push(size);
          total += padded(size);
        }
        header = parse(head.subarray(lengths.parts * 8, lengths.parts * 8 + lengths.json));
      }
      while (parts.length < lengths.parts) {
        const size = sizes[parts.length] as number;
        const bytes = source.takePart(padded(size), total);
        if (bytes === undefined) return undefined;
        parts.push(bytes.length === size ? bytes : bytes.subarray(0, size));
      }
      source.mark?.();
      const frame = { header, parts };
      lengths = header = undefined;
      parts = [];
      return frame;
    },
  };
}

/** Reads headers; one that is like the one before it, as those of many runs of a session are, is the same object. */
function createHeaderParser(): (json: Buffer) => Frame["header"] {
  let last = Buffer.alloc(0);
  let parsed: Frame["header"] = {};
  return (json) => {
    if (!json.equals(last)) {
      last = Buffer.from(json);
      parsed = JSON.parse(json.toString("utf8")) as Frame["header"];
    }
    return parsed;
  };
}

/** The next multiple of `FRAME_ALIGNMENT`. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Bytes of parts that lie one after the other, each padded. */
export function paddedTotal(parts: readonly Uint8Array[]): number {
  let total = 0;
  for (const { length } of parts) total += padded(length);
  return total;
}

/** Copies parts into a room, one after the other from a place on; what lies between them stays as it is. */
export function setPadded(room: Uint8Array, from: number, parts: readonly Uint8Array[]): void {
  let at = from;
  for (const part of parts) {
    room.set(part, at);
    at += padded(part.length);
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}
