import { randomUUID } from "node:crypto";
import { closeSync, fsync, openSync, writeSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Trace } from "../inference/trace.ts";
import { damaged, decodeManifest, encodeManifest, type TraceManifest } from "./traceManifest.ts";

export const DATA_FILE = "data.bin";
export const LEAVES_FILE = "leaves.bin";
const MANIFEST_FILE = "manifest.json";

/** Bytes of a file up to which only its flushing is left to the thread pool: a trip there costs more than to hand that much to the system's cache. */
const SMALL_BYTES = 64 * 1024;
export const flushDescriptor = promisify(fsync);

/**
 * Writes an entry so that after a crash at any moment it is there as a whole or not at all: files and folder are flushed under a
 * temporary name in `incoming`, then renamed to `target`, then the rename is flushed. Without `flush` that holds for a crash of the process alone;
 * after one of the machine the entry may be there in part, which its hashes tell.
 */
export async function writeEntry(incoming: string, target: string, manifest: TraceManifest, trace: Trace, flush = true): Promise<void> {
  const temporary = path.join(incoming, randomUUID());
  await mkdir(temporary);
  try {
    const tensors = [...trace.inputs, ...trace.tensors];
    await Promise.all([
      writeParts(path.join(temporary, DATA_FILE), tensors.map((tensor) => tensor.bytes), flush),
      writeParts(path.join(temporary, LEAVES_FILE), tensors.map((tensor) => tensor.leaves), flush),
      writeParts(path.join(temporary, MANIFEST_FILE), [Buffer.from(encodeManifest(manifest))], flush),
    ]);
    if (flush) await flushFolder(temporary);
    await rename(temporary, target);
    if (flush) await flushFolder(path.dirname(target));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Whether the system could not read: that says nothing of what is on the disk, unlike a file that is not there or not of its kind. */
export function isSystemFault(error: unknown): boolean {
  const { errno, code } = error as NodeJS.ErrnoException;
  return typeof errno === "number" && !["ENOENT", "ENOTDIR", "EISDIR"].includes(code ?? "");
}

/** Reads an entry's manifest and checks the lengths of its files. Throws `TRACE_DAMAGED`, and what the system fails with. */
export async function readEntry(folder: string): Promise<TraceManifest> {
  const text = await readFile(path.join(folder, MANIFEST_FILE), "utf8").catch((cause: unknown) => {
    if (isSystemFault(cause)) throw cause;
    throw damaged("its manifest cannot be read", { folder, cause: String(cause) });
  });
  const manifest = decodeManifest(text);
  for (const [name, wanted] of [[DATA_FILE, manifest.dataBytes], [LEAVES_FILE, manifest.leavesBytes]] as const) {
    const given = await stat(path.join(folder, name)).then(
      (found) => found.size,
      (cause: unknown) => {
        if (isSystemFault(cause)) throw cause;
        return 0;
      },
    );
    if (given !== wanted) throw damaged(`${name} has ${given} bytes instead of ${wanted}`, { folder, given, wanted });
  }
  return manifest;
}

/** Removes entries, all out of one folder, so that a crash in between leaves each whole or gone. */
export async function removeEntries(incoming: string, folders: readonly string[]): Promise<void> {
  const doomed: string[] = [];
  for (const folder of folders) {
    const target = path.join(incoming, randomUUID());
    await rename(folder, target);
    doomed.push(target);
  }
  if (folders[0] !== undefined) await flushFolder(path.dirname(folders[0]));
  for (const folder of doomed) await rm(folder, { recursive: true, force: true });
}

/** Bytes [offset, offset + length) of a file; throws `TRACE_DAMAGED` if the file is shorter. */
export async function readAt(file: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw damaged(`${path.basename(file)} is cut off`, { file, offset, length });
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Writes a new file of these parts, one after another, and, with `flush`, flushes it. */
export async function writeParts(file: string, parts: readonly Uint8Array[], flush: boolean): Promise<void> {
  if (parts.reduce((sum, { length }) => sum + length, 0) <= SMALL_BYTES) return writeSmall(file, Buffer.concat(parts), flush);
  const handle = await open(file, "wx");
  try {
    // Each call goes on where the last one ended.
    for (const part of parts) await handle.writeFile(part);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a new file and, with `flush`, flushes it. */
export async function writeSmall(file: string, content: Uint8Array, flush: boolean): Promise<void> {
  const descriptor = openSync(file, "wx");
  try {
    for (let at = 0; at < content.length; ) at += writeSync(descriptor, content, at);
    if (flush) await flushDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes renames in a folder last; Windows has no such call and needs none. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    await flushDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
