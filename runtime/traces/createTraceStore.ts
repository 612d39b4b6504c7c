import type { StatsFs } from "node:fs";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { fromHex, type Hex } from "../../protocol/hex.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import type { Trace } from "../inference/trace.ts";
import type { Logger } from "../inference/types.ts";
import { createGathering } from "./createGathering.ts";
import { createRecentBodies } from "./createRecentBodies.ts";
import { folderNameOf, readEntries } from "./readEntries.ts";
import { lockDirectory, type DirectoryLock } from "./lockDirectory.ts";
import { loadTrace, openStoredTensor, type TensorReader } from "./openStoredTensor.ts";
import { freeName, linkInto, removeRecords, writePack, type Pack } from "./packFiles.ts";
import { folderEntry, packedEntry, type StoredEntry } from "./storedEntry.ts";
import { flushFolder, removeEntries, writeEntry } from "./traceFiles.ts";
import type { PackPlace } from "./tracePack.ts";
import { bodyOf, manifestOf, type StoredTensor, type TraceManifest } from "./traceManifest.ts";

export interface TraceStoreOptions {
  dir: string;
  /** Limit of all entries together in bytes; `put` refuses what would exceed it. Default: none. */
  maxBytes?: number;
}

/** An entry as `list` shows it. */
export interface StoredTraceInfo extends Pick<TraceManifest, "jobKey" | "programRoot" | "inputRoot" | "traceRoot" | "outputRoot"> {
  bytes: number;
}

export type StoredListDomain = "trace" | "inputs" | "outputs";

/** The traces of the node's own executions, on disk, until `prune`. */
export interface TraceStore {
  /**
   * Locks the directory, drops what a crash left half written, and reads what is there. Damaged entries are moved to `damaged/` and
   * named in the result. Throws `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, and `TRACES_UNREADABLE` (retryable), after which all is as it was.
   */
  start(): Promise<{ damaged: string[] }>;
  stop(): Promise<void>;
  /**
   * Stores a trace; it lasts once the promise resolves. With `isSpare`, for what can be computed again, it lasts a crash of the process and not one of the machine.
   * Replaces another trace of the same job. Throws `TRACE_STORE_FULL`, `TRACE_WRITE_FAILED`.
   */
  put(jobKey: string, trace: Trace, options?: { isSpare?: boolean }): Promise<void>;
  /**
   * The same for a caller that goes on meanwhile: resolves once `trace` may be released and another one may come. A large trace is stored by then; a small
   * one is a copy in memory, unless many are on their way or the last one could not be written. `stored` is what `put` resolves to.
   */
  putBehind(jobKey: string, trace: Trace, options?: { isSpare?: boolean }): Promise<{ stored: Promise<void> }>;
  /** The whole trace, checked against its roots, or undefined. Throws `TRACE_DAMAGED` and sets the entry aside. */
  get(jobKey: string): Promise<Trace | undefined>;
  /** A tensor of any stored trace, by its root. */
  openTensor(root: Hex): TensorReader | undefined;
  /** The tensor roots under a trace root, input root or output root, side by side. */
  openList(root: Hex, domain: StoredListDomain): Uint8Array | undefined;
  list(): StoredTraceInfo[];
  /** Bytes that can still be stored: what the limit leaves, and what the disk holds. */
  room(): Promise<number>;
  /** Forgets the traces of these jobs. */
  prune(jobKeys: readonly string[]): Promise<void>;
}

/** Traces of up to so many bytes, chunk hashes included, go into packs; larger ones have a folder each. */
const SMALL_BYTES = 256 * 1024;

/** Small traces that come within so many milliseconds share a file and its flushing; a file takes no more than this. */
const gatheringLimits = { waitMs: 10, maxItems: 64, maxBytes: 1024 * 1024 };

/** Bytes of small traces that may be on their way to the disk before whoever brings the next one has to wait. */
const BEHIND_BYTES = 4 * 1024 * 1024;

/** Bytes of small traces kept in memory for whoever asks for what was just stored. */
const RECENT_BYTES = 4 * 1024 * 1024;

/** A small trace on its way to a pack. */
interface Put {
  key: string;
  bytes: number;
  manifest: TraceManifest;
  body: Uint8Array;
  isSpare: boolean;
}

/** Makes the store; nothing is touched before `start`. */
export function createTraceStore({ dir, maxBytes = Infinity }: TraceStoreOptions, { logger, hasher }: { logger: Logger; hasher: Pick<Hasher, "leaves" | "root"> }): TraceStore {
  const folders = { entries: path.join(dir, "traces"), incoming: path.join(dir, "incoming"), damaged: path.join(dir, "damaged") };
  const entries = new Map<string, StoredEntry>();
  const tensors = new Map<Hex, { entry: StoredEntry; tensor: StoredTensor }>();
  const lists = new Map<Hex, { entry: StoredEntry; domain: StoredListDomain }>();
  const recent = createRecentBodies(RECENT_BYTES);
  /** Bytes of all entries, and of what is removed from packs that still stand. */
  let used = 0;
  /** Bytes of small traces on their way to the disk, and whether the last of them got there. */
  const behind = { bytes: 0, isKeepingUp: true };
  let lock: DirectoryLock | undefined;
  let looking: Promise<StatsFs | undefined> | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  /** Changes happen one after another. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = writing.then(work);
    writing = done.catch(() => undefined);
    return done;
  };

  const stopped = (): GainsayError => new GainsayError("The trace store is not running; start it first.", { code: "TRACE_STORE_STOPPED" });

  /** The same, after what was put before. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    if (lock === undefined) return Promise.reject(stopped());
    gathering.seal();
    return inTurn(work);
  };

  const index = (entry: StoredEntry): void => {
    const { inputs, tensors: posted, traceRoot, inputRoot, outputRoot } = entry.manifest;
    for (const tensor of [...inputs, ...posted]) tensors.set(tensor.root, { entry, tensor });
    lists.set(traceRoot, { entry, domain: "trace" }).set(inputRoot, { entry, domain: "inputs" }).set(outputRoot, { entry, domain: "outputs" });
  };

  const add = (entry: StoredEntry): void => {
    entries.set(entry.manifest.jobKey, entry);
    index(entry);
  };

  const forget = (those: readonly StoredEntry[]): void => {
    if (those.length === 0) return;
    for (const entry of those) {
      entry.gone = true;
      recent.forget(entry);
      if (entries.get(entry.manifest.jobKey) === entry) entries.delete(entry.manifest.jobKey);
    }
    // Others may have tensors and lists of the same roots.
    tensors.clear();
    lists.clear();
    for (const other of entries.values()) index(other);
  };

  const warnOfDamage = (target: string, error: unknown): void => logger.warn({ folder: target, error: error instanceof Error ? error.message : String(error) }, "damaged trace set aside");

  const moveAside = async (place: string, error: unknown): Promise<string> => {
    const target = await freeName(folders.damaged, path.basename(place));
    await rename(place, target);
    await flushFolder(folders.damaged);
    warnOfDamage(target, error);
    return target;
  };

  /** A pack stays for the sake of its other records, so it gets a second name. */
  const setRecordAside = async (pack: Pack, record: PackPlace, error: unknown): Promise<string> => {
    const target = await linkInto(folders.damaged, pack.file);
    if (await removeRecords(pack, [record], "damaged")) used -= pack.bytes;
    await flushFolder(folders.entries);
    warnOfDamage(target, error);
    return target;
  };

  const setAside = async (entry: StoredEntry, error: unknown): Promise<void> => {
    if (entry.gone) return;
    forget([entry]);
    await exclusively(async () => {
      if ("pack" in entry.place) return setRecordAside(entry.place.pack, entry.place.record, error);
      used -= bytesOf(entry);
      return moveAside(entry.place.folder, error);
    });
  };

  /** Removes from the disk what is forgotten. */
  const discard = async (those: readonly StoredEntry[]): Promise<void> => {
    const own: string[] = [];
    const packed = new Map<Pack, PackPlace[]>();
    for (const entry of those) {
      if ("folder" in entry.place) {
        own.push(entry.place.folder);
        used -= bytesOf(entry);
      } else packed.set(entry.place.pack, [...(packed.get(entry.place.pack) ?? []), entry.place.record]);
    }
    await removeEntries(folders.incoming, own);
    let isFileGone = false;
    for (const [pack, records] of packed) {
      if (!(await removeRecords(pack, records))) continue;
      isFileGone = true;
      used -= pack.bytes;
    }
    if (isFileGone) await flushFolder(folders.entries);
  };

  const isStored = ({ jobKey, programRoot, inputRoot, traceRoot }: TraceManifest): boolean => {
    const older = entries.get(jobKey)?.manifest;
    return older !== undefined && older.traceRoot === traceRoot && older.inputRoot === inputRoot && older.programRoot === programRoot;
  };

  const generationAfter = (jobKey: string): number => (entries.get(jobKey)?.generation ?? -1) + 1;

  const refusal = (bytes: number, free: number): GainsayError | undefined =>
    bytes <= free ? undefined : new GainsayError(`Storing this trace needs ${bytes} bytes, but only ${Math.max(0, free)} of the ${maxBytes} allowed are free; raise the limit or wait for jobs to become final.`, { code: "TRACE_STORE_FULL", retryable: true, details: { bytes, maxBytes } });

  const writeFailed = (bytes: number) => (cause: unknown): never => {
    throw new GainsayError(`The trace could not be written to ${folders.entries}; check the space on that disk.`, { code: "TRACE_WRITE_FAILED", retryable: true, details: { bytes }, cause });
  };

  /** Shows what has been written, and removes what it replaces. */
  const replaceBy = async (written: readonly StoredEntry[]): Promise<void> => {
    const older = written.flatMap(({ manifest }) => entries.get(manifest.jobKey) ?? []);
    forget(older);
    written.forEach(add);
    await discard(older);
  };

  const putFolder = async (manifest: TraceManifest, trace: Trace, isSpare: boolean): Promise<void> => {
    if (isStored(manifest)) return;
    const bytes = manifest.dataBytes + manifest.leavesBytes;
    const refused = refusal(bytes, maxBytes - used);
    if (refused !== undefined) throw refused;
    const generation = generationAfter(manifest.jobKey);
    const folder = path.join(folders.entries, folderNameOf(manifest.jobKey, generation));
    await writeEntry(folders.incoming, folder, manifest, trace, !isSpare).catch(writeFailed(bytes));
    used += bytes;
    await replaceBy([folderEntry(folder, manifest, generation)]);
  };

  const putPack = async (puts: readonly Put[]): Promise<ReadonlyMap<Put, unknown>> => {
    const refused = new Map<Put, unknown>();
    const accepted: Put[] = [];
    let bytes = 0;
    for (const put of puts) {
      if (isStored(put.manifest)) continue;
      const error = refusal(put.bytes, maxBytes - used - bytes);
      if (error !== undefined) {
        refused.set(put, error);
        continue;
      }
      accepted.push(put);
      bytes += put.bytes;
    }
    if (accepted.length === 0) return refused;
    const packed = accepted.map(({ manifest, body }) => ({ manifest, body, generation: generationAfter(manifest.jobKey) }));
    const { pack, places } = await writePack(folders.incoming, folders.entries, packed, accepted.some(({ isSpare }) => !isSpare)).catch(writeFailed(bytes));
    used += pack.bytes;
    const written = packed.map(({ manifest, body, generation }, i) => {
      const entry = packedEntry(pack, places[i] as PackPlace, manifest, generation, recent);
      recent.keep(entry, body);
      return entry;
    });
    await replaceBy(written);
    return refused;
  };

  const gathering = createGathering<Put>(gatheringLimits, (puts) => inTurn(() => putPack(puts)));

  const put = async (jobKey: string, trace: Trace, isSpare: boolean): Promise<void> => {
    if (lock === undefined) throw stopped();
    const manifest = manifestOf(jobKey, trace);
    const bytes = manifest.dataBytes + manifest.leavesBytes;
    if (bytes > SMALL_BYTES) return exclusively(() => putFolder(manifest, trace, isSpare));
    behind.bytes += bytes;
    try {
      await gathering.add({ key: jobKey, bytes, manifest, body: bodyOf(manifest, trace), isSpare });
      behind.isKeepingUp = true;
    } catch (error) {
      behind.isKeepingUp = false;
      throw error;
    } finally {
      behind.bytes -= bytes;
    }
  };

  return {
    async start() {
      if (lock !== undefined) return { damaged: [] };
      const taken = lockDirectory(dir);
      try {
        await rm(folders.incoming, { recursive: true, force: true });
        for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
        const aside: string[] = [];
        const found = await readEntries(folders.entries, recent);
        used = found.packs.reduce((sum, { bytes }) => sum + bytes, 0);
        for (const { place, error } of found.damaged) aside.push(await ("pack" in place ? setRecordAside(place.pack, place.record, error) : moveAside(place.path, error)));
        const superseded: StoredEntry[] = [];
        for (const entry of found.entries.sort((a, b) => a.generation - b.generation)) {
          if ("folder" in entry.place) used += bytesOf(entry);
          // A crash came between storing a replacement and removing what it replaced.
          const older = entries.get(entry.manifest.jobKey);
          if (older !== undefined) superseded.push(older);
          entries.set(entry.manifest.jobKey, entry);
        }
        await discard(superseded);
        // One came between removing the last record of a pack and its file.
        for (const pack of found.packs) if (pack.standing === 0 && (await removeRecords(pack, []))) used -= pack.bytes;
        for (const entry of entries.values()) index(entry);
        lock = taken;
        return { damaged: aside };
      } catch (error) {
        taken.release();
        throw error;
      }
    },
    async stop() {
      const held = lock;
      lock = undefined;
      gathering.seal();
      await writing;
      held?.release();
      forget([...entries.values()]);
    },
    put: (jobKey, trace, { isSpare = false } = {}) => put(jobKey, trace, isSpare),
    async putBehind(jobKey, trace, { isSpare = false } = {}) {
      const before = behind.bytes;
      const stored = put(jobKey, trace, isSpare);
      // Whoever waits for it hears of an error.
      stored.catch(() => undefined);
      const isCopied = behind.bytes > before;
      if (!isCopied || behind.bytes > BEHIND_BYTES || !behind.isKeepingUp) await stored;
      return { stored };
    },
    async get(jobKey) {
      const entry = entries.get(jobKey);
      return entry === undefined ? undefined : loadTrace(entry, hasher, (error) => setAside(entry, error));
    },
    openTensor(root) {
      const found = tensors.get(root);
      return found === undefined ? undefined : openStoredTensor(found.entry, found.tensor, hasher, (error) => setAside(found.entry, error));
    },
    openList(root, domain) {
      const found = lists.get(root);
      if (found?.domain !== domain) return undefined;
      const { inputs, tensors: posted, outputs } = found.entry.manifest;
      const listed = { trace: posted, inputs, outputs: domain === "outputs" ? outputs.map((at) => posted[at] as StoredTensor) : [] };
      return new Uint8Array(Buffer.concat(listed[domain].map((tensor) => fromHex(tensor.root))));
    },
    list: () => [...entries.values()].map(({ manifest: { jobKey, programRoot, inputRoot, traceRoot, outputRoot, dataBytes, leavesBytes } }) => ({ jobKey, programRoot, inputRoot, traceRoot, outputRoot, bytes: dataBytes + leavesBytes })),
    async room() {
      const left = Math.max(0, maxBytes - used);
      // One look does for all that ask while it is under way.
      looking ??= statfs(dir)
        .catch(() => undefined)
        .finally(() => (looking = undefined));
      const disk = await looking;
      return disk === undefined ? left : Math.min(left, disk.bavail * disk.bsize);
    },
    prune: (jobKeys) =>
      exclusively(async () => {
        const those = [...new Set(jobKeys)].flatMap((jobKey) => entries.get(jobKey) ?? []);
        forget(those);
        await discard(those);
      }),
  };
}

function bytesOf({ manifest }: StoredEntry): number {
  return manifest.dataBytes + manifest.leavesBytes;
}
