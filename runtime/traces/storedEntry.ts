import path from "node:path";
import type { Hex } from "../../protocol/hex.ts";
import type { Pack } from "./packFiles.ts";
import type { RecentBodies } from "./createRecentBodies.ts";
import { DATA_FILE, LEAVES_FILE, readAt } from "./traceFiles.ts";
import type { PackPlace } from "./tracePack.ts";
import type { TraceManifest } from "./traceManifest.ts";

/** An entry that the store knows: a folder of its own, or a record of a pack. */
export interface StoredEntry {
  manifest: TraceManifest;
  /** How often the trace of the job had been replaced before. */
  generation: number;
  place: { folder: string } | { pack: Pack; record: PackPlace };
  /** Bytes [offset, offset + length) of all tensors' bytes, or of all their chunk hashes, as they are on disk. Throws `TRACE_DAMAGED` if they are cut off. */
  read(part: "data" | "leaves", offset: number, length: number): Promise<Uint8Array>;
  /** Roots of tensors whose chunk hashes have been checked since the start. */
  checkedLeaves: Set<Hex>;
  /** True once the entry was pruned, replaced or set aside. */
  gone: boolean;
}

export function folderEntry(folder: string, manifest: TraceManifest, generation: number): StoredEntry {
  const files = { data: path.join(folder, DATA_FILE), leaves: path.join(folder, LEAVES_FILE) };
  return { manifest, generation, place: { folder }, read: (part, offset, length) => readAt(files[part], offset, length), checkedLeaves: new Set(), gone: false };
}

/** A record of a pack. All of it is read at once, since whoever asks for one tensor asks for the others, and kept among the `recent` ones. */
export function packedEntry(pack: Pack, record: PackPlace, manifest: TraceManifest, generation: number, recent: RecentBodies): StoredEntry {
  const entry: StoredEntry = {
    manifest,
    generation,
    place: { pack, record },
    async read(part, offset, length) {
      const body = recent.get(entry) ?? (await readAt(pack.file, record.bodyAt, manifest.dataBytes + manifest.leavesBytes));
      if (!entry.gone) recent.keep(entry, body);
      const at = (part === "data" ? 0 : manifest.dataBytes) + offset;
      return body.slice(at, at + length);
    },
    checkedLeaves: new Set(),
    gone: false,
  };
  return entry;
}
