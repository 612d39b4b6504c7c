import { damaged, decodeManifest, encodeManifest, seal, SEAL_CHARACTERS, unseal, type TraceManifest } from "./traceManifest.ts";

/*
 * A pack is one file with small traces that were put at the same time. It is never rewritten but for the marks of its records:
 *
 *   head     sealed JSON and a line break: {"version":1,"records":[[bytes of manifest, bytes of body, generation], …]}
 *   records  a mark of 8 bytes, the sealed manifest, and the body: the bytes of all tensors, then their chunk hashes
 *
 * The head and each record begin at a multiple of 8, so that no mark lies across two sectors.
 */

const VERSION = 1;
const ALIGNMENT = 8;

/** What the first bytes of a record say. */
export const marks = { kept: Buffer.from("kept    "), removed: Buffer.from("removed "), damaged: Buffer.from("damaged ") };

/** A trace to be packed. */
export interface PackedTrace {
  manifest: TraceManifest;
  /** How often the trace of its job has been replaced. */
  generation: number;
  body: Uint8Array;
}

/** Where a record stands in its file: its mark, and its body. */
export interface PackPlace {
  markAt: number;
  bodyAt: number;
}

/** A record as it was found: with its manifest, or with what is wrong, or with neither if it has been removed or set aside. */
export interface PackRecord extends PackPlace {
  bodyBytes: number;
  generation: number;
  manifest?: TraceManifest;
  fault?: unknown;
}

type Head = { version: typeof VERSION; records: [manifestBytes: number, bodyBytes: number, generation: number][] };

export function encodePack(traces: readonly PackedTrace[]): { content: Uint8Array; places: PackPlace[] } {
  const manifests = traces.map(({ manifest }) => Buffer.from(encodeManifest(manifest)));
  const records = traces.map(({ body, generation }, i): Head["records"][number] => [(manifests[i] as Buffer).length, body.length, generation]);
  const head = Buffer.from(`${seal(JSON.stringify({ version: VERSION, records } satisfies Head))}\n`);
  const { places, end } = layOut(head.length, records);
  const content = Buffer.alloc(end);
  content.set(head);
  traces.forEach(({ body }, i) => {
    const { markAt, bodyAt } = places[i] as PackPlace;
    content.set(marks.kept, markAt);
    content.set(manifests[i] as Buffer, markAt + ALIGNMENT);
    content.set(body, bodyAt);
  });
  return { content, places };
}

/** A file that is read piece by piece. */
export interface PackContent {
  size: number;
  /** Bytes [at, at + length), or as many of them as there are. */
  read(at: number, length: number): Buffer;
}

/**
 * Inverse of `encodePack`, without the bodies, which are checked when they are read. Throws `TRACE_DAMAGED` if the head is not as written; a record that is
 * not has a `fault`.
 */
export function decodePack(content: PackContent): PackRecord[] {
  const { head, headBytes } = readHead(content);
  const { places } = layOut(headBytes, head.records);
  return places.map((place, i) => {
    const [, bodyBytes, generation] = head.records[i] as Head["records"][number];
    const record = { ...place, bodyBytes, generation };
    const bytes = content.read(place.markAt, place.bodyAt - place.markAt);
    const mark = bytes.subarray(0, ALIGNMENT);
    if (mark.equals(marks.removed) || mark.equals(marks.damaged)) return record;
    try {
      if (!mark.equals(marks.kept)) throw damaged("its mark is cut off or changed");
      const manifest = decodeManifest(bytes.toString("utf8", ALIGNMENT));
      const [given, wanted] = [Math.min(bodyBytes, content.size - place.bodyAt), manifest.dataBytes + manifest.leavesBytes];
      if (given !== wanted) throw damaged(`its pack has ${given} of its bytes instead of ${wanted}`, { given, wanted });
      return { ...record, manifest };
    } catch (fault) {
      return { ...record, fault };
    }
  });
}

function readHead(content: PackContent): { head: Head; headBytes: number } {
  let start: Buffer = Buffer.alloc(0);
  let end = -1;
  for (let length = 4096; end < 0 && start.length < content.size; length *= 2) {
    start = content.read(0, length);
    end = start.indexOf("\n", SEAL_CHARACTERS);
    if (start.length < length) break;
  }
  const head = JSON.parse(unseal(start.toString("utf8", 0, Math.max(0, end)), "the head of its pack")) as Head;
  if (head.version !== VERSION) throw damaged(`its pack has the unknown version ${String(head.version)}`);
  return { head, headBytes: end + 1 };
}

function layOut(headBytes: number, records: Head["records"]): { places: PackPlace[]; end: number } {
  let end = aligned(headBytes);
  const places = records.map(([manifestBytes, bodyBytes]) => {
    const [markAt, bodyAt] = [end, end + ALIGNMENT + manifestBytes];
    end = aligned(bodyAt + bodyBytes);
    return { markAt, bodyAt };
  });
  return { places, end };
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}
