import { readdir } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import type { RecentBodies } from "./createRecentBodies.ts";
import { PACK_SUFFIX, readPack, type Pack } from "./packFiles.ts";
import { folderEntry, packedEntry, type StoredEntry } from "./storedEntry.ts";
import { isSystemFault, readEntry } from "./traceFiles.ts";
import type { PackPlace } from "./tracePack.ts";
import { damaged } from "./traceManifest.ts";

/** What a store finds at its start; several entries of a job if a crash came between storing a replacement and removing what it replaced. */
export interface FoundEntries {
  entries: StoredEntry[];
  packs: Pack[];
  damaged: { place: { path: string } | { pack: Pack; record: PackPlace }; error: unknown }[];
}

/**
 * Reads what is stored, and changes nothing. Throws `TRACES_UNREADABLE` where the system fails, for want of descriptors, memory or rights or by the disk: the
 * traces may be whole, and commitments stand behind them.
 */
export async function readEntries(folder: string, recent: RecentBodies): Promise<FoundEntries> {
  const found: FoundEntries = { entries: [], packs: [], damaged: [] };
  const names = await readdir(folder).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  for (const name of names) {
    const place = path.join(folder, name);
    try {
      if (name.endsWith(PACK_SUFFIX)) {
        const { pack, records } = readPack(place);
        found.packs.push(pack);
        for (const { manifest, fault, generation, ...record } of records) {
          if (manifest !== undefined) found.entries.push(packedEntry(pack, record, manifest, generation, recent));
          else if (fault !== undefined) found.damaged.push({ place: { pack, record }, error: fault });
        }
      } else {
        const manifest = await readEntry(place);
        if (folderNameOf(manifest.jobKey, generationOf(name)) !== name) throw damaged("its name does not fit its job");
        found.entries.push(folderEntry(place, manifest, generationOf(name)));
      }
    } catch (error) {
      if (isSystemFault(error)) throw unreadable(place, error);
      found.damaged.push({ place: { path: place }, error });
    }
  }
  return found;
}

function unreadable(file: string, cause: unknown): GainsayError {
  const { code } = cause as NodeJS.ErrnoException;
  return new GainsayError(`The stored traces cannot be read: ${file} gives ${code}. Nothing was changed; check the disk, the rights on the folder and the limit of open files, then start again.`, {
    code: "TRACES_UNREADABLE",
    retryable: true,
    details: { file, reason: code },
    cause,
  });
}

/** Folder of a job's entry: a hash, since a job key may hold any character, and how often the entry was replaced. */
export function folderNameOf(jobKey: string, generation: number): string {
  return `${toHex(sha256(Buffer.from(jobKey))).slice(2, 42)}.${generation}`;
}

function generationOf(name: string): number {
  const generation = Number(name.split(".")[1]);
  return Number.isSafeInteger(generation) && generation >= 0 ? generation : 0;
}
