import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { copyFile, link, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { flushDescriptor, flushFolder, writeSmall } from "./traceFiles.ts";
import { decodePack, encodePack, marks, type PackedTrace, type PackPlace, type PackRecord } from "./tracePack.ts";

export const PACK_SUFFIX = ".pack";

/** A file with small traces. */
export interface Pack {
  file: string;
  /** Bytes of the bodies of all its records, also of those that are removed: they are free when the file is. */
  bytes: number;
  /** Records that are not removed. The file goes with the last one. */
  standing: number;
}

/**
 * Writes a pack into `target` so that after a crash at any moment it is there as a whole or not at all: flushed under `incoming`, renamed, and the rename
 * flushed. Without `flush` that holds for a crash of the process alone.
 */
export async function writePack(incoming: string, target: string, traces: readonly PackedTrace[], flush: boolean): Promise<{ pack: Pack; places: PackPlace[] }> {
  const name = `${randomUUID()}${PACK_SUFFIX}`;
  const temporary = path.join(incoming, name);
  const pack = { file: path.join(target, name), bytes: traces.reduce((sum, { body }) => sum + body.length, 0), standing: traces.length };
  const { content, places } = encodePack(traces);
  try {
    await writeSmall(temporary, content, flush);
    renameSync(temporary, pack.file);
    if (flush) await flushFolder(target);
  } catch (error) {
    for (const file of [temporary, pack.file]) rmSync(file, { force: true });
    throw error;
  }
  return { pack, places };
}

/** Reads what a pack says of its traces. Throws `TRACE_DAMAGED`. */
export function readPack(file: string): { pack: Pack; records: PackRecord[] } {
  const descriptor = openSync(file, "r");
  try {
    const records = decodePack({
      size: fstatSync(descriptor).size,
      read(at, length) {
        const bytes = Buffer.allocUnsafe(length);
        return bytes.subarray(0, readSync(descriptor, bytes, 0, length, at));
      },
    });
    const bytes = records.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    return { pack: { file, bytes, standing: records.filter(isStanding).length }, records };
  } finally {
    closeSync(descriptor);
  }
}

export function isStanding({ manifest, fault }: Pick<PackRecord, "manifest" | "fault">): boolean {
  return manifest !== undefined || fault !== undefined;
}

/** Removes records of one pack, and its file with the last of them; then its folder has to be flushed. Resolves to whether it was the last. */
export async function removeRecords(pack: Pack, places: readonly PackPlace[], mark: "removed" | "damaged" = "removed"): Promise<boolean> {
  pack.standing -= places.length;
  if (pack.standing <= 0) {
    await rm(pack.file, { force: true });
    return true;
  }
  const descriptor = openSync(pack.file, "r+");
  try {
    for (const { markAt } of places) writeSync(descriptor, marks[mark], 0, marks[mark].length, markAt);
    await flushDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return false;
}

/** Gives a file a second name in another folder, which takes no room on the disk. Resolves to it. */
export async function linkInto(folder: string, file: string): Promise<string> {
  const target = await freeName(folder, path.basename(file));
  await link(file, target).catch(() => copyFile(file, target));
  await flushFolder(folder);
  return target;
}

/** A name in a folder that nothing has yet. */
export async function freeName(folder: string, wanted: string): Promise<string> {
  const taken = await readdir(folder);
  let name = wanted;
  for (let n = 1; taken.includes(name); n++) name = `${wanted}-${n}`;
  return path.join(folder, name);
}
