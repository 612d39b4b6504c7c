import type { StatsFs } from "node:fs";
import { mkdir, readdir, rename, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { fromHex, toHex, type Hex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import type { Trace } from "../inference/trace.ts";
import type { Logger } from "../inference/types.ts";
import { lockDirectory, type DirectoryLock } from "./lockDirectory.ts";
import { loadTrace, openStoredTensor, type StoredEntry, type TensorReader } from "./openStoredTensor.ts";
import { readEntry, removeEntry, writeEntry, flushFolder } from "./traceFiles.ts";
import { damaged, manifestOf, type StoredTensor, type TraceManifest } from "./traceManifest.ts";

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
   * named in the result. Throws `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`.
   */
  start(): Promise<{ damaged: string[] }>;
  stop(): Promise<void>;
  /**
   * Stores a trace; it lasts once the promise resolves. With `isSpare`, for what can be computed again, it lasts a crash of the process and not one of the machine.
   * Replaces another trace of the same job. Throws `TRACE_STORE_FULL`, `TRACE_WRITE_FAILED`.
   */
  put(jobKey: string, trace: Trace, options?: { isSpare?: boolean }): Promise<void>;
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

/** Makes the store; nothing is touched before `start`. */
export function createTraceStore({ dir, maxBytes = Infinity }: TraceStoreOptions, { logger, hasher }: { logger: Logger; hasher: Pick<Hasher, "leaves" | "root"> }): TraceStore {
  const folders = { entries: path.join(dir, "traces"), incoming: path.join(dir, "incoming"), damaged: path.join(dir, "damaged") };
  const entries = new Map<string, StoredEntry>();
  const tensors = new Map<Hex, { entry: StoredEntry; tensor: StoredTensor }>();
  let lock: DirectoryLock | undefined;
  let looking: Promise<StatsFs | undefined> | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  /** Changes happen one after another. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    if (lock === undefined) return Promise.reject(new GainsayError("The trace store is not running; start it first.", { code: "TRACE_STORE_STOPPED" }));
    const done = writing.then(work);
    writing = done.catch(() => undefined);
    return done;
  };

  const add = (entry: StoredEntry): void => {
    entries.set(entry.manifest.jobKey, entry);
    for (const tensor of [...entry.manifest.inputs, ...entry.manifest.tensors]) tensors.set(tensor.root, { entry, tensor });
  };

  const forget = (entry: StoredEntry): void => {
    entry.gone = true;
    if (entries.get(entry.manifest.jobKey) === entry) entries.delete(entry.manifest.jobKey);
    tensors.clear();
    for (const other of entries.values()) add(other);
  };

  const moveAside = async (folder: string, error: unknown): Promise<string> => {
    let target = path.join(folders.damaged, path.basename(folder));
    for (let n = 1; (await readdir(folders.damaged)).includes(path.basename(target)); n++) target = path.join(folders.damaged, `${path.basename(folder)}-${n}`);
    await rename(folder, target);
    await flushFolder(folders.damaged);
    logger.warn({ folder: target, error: error instanceof Error ? error.message : String(error) }, "damaged trace set aside");
    return target;
  };

  const setAside = async (entry: StoredEntry, error: unknown): Promise<void> => {
    if (entry.gone) return;
    forget(entry);
    await exclusively(() => moveAside(entry.folder, error));
  };

  const usedBytes = (): number => [...entries.values()].reduce((sum, { manifest }) => sum + manifest.dataBytes + manifest.leavesBytes, 0);

  return {
    async start() {
      if (lock !== undefined) return { damaged: [] };
      const taken = lockDirectory(dir);
      try {
        await rm(folders.incoming, { recursive: true, force: true });
        for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
        const aside: string[] = [];
        for (const name of (await readdir(folders.entries)).sort(byGeneration)) {
          const folder = path.join(folders.entries, name);
          try {
            const manifest = await readEntry(folder);
            if (nameOf(manifest.jobKey, generationOf(name)) !== name) throw damaged("its name does not fit its job");
            const older = entries.get(manifest.jobKey);
            // A crash came between storing a replacement and removing what it replaced.
            if (older !== undefined) await removeEntry(folders.incoming, older.folder);
            add({ folder, manifest, checkedLeaves: new Set(), gone: false });
          } catch (error) {
            aside.push(await moveAside(folder, error));
          }
        }
        tensors.clear();
        for (const entry of [...entries.values()]) add(entry);
        lock = taken;
        return { damaged: aside };
      } catch (error) {
        taken.release();
        throw error;
      }
    },
    async stop() {
      await writing;
      lock?.release();
      lock = undefined;
      for (const entry of entries.values()) entry.gone = true;
      entries.clear();
      tensors.clear();
    },
    put: (jobKey, trace, { isSpare = false } = {}) =>
      exclusively(async () => {
        const older = entries.get(jobKey);
        const manifest = manifestOf(jobKey, trace);
        if (older !== undefined && older.manifest.traceRoot === manifest.traceRoot && older.manifest.inputRoot === manifest.inputRoot && older.manifest.programRoot === manifest.programRoot) return;
        const bytes = manifest.dataBytes + manifest.leavesBytes;
        if (usedBytes() + bytes > maxBytes) {
          throw new GainsayError(`Storing this trace needs ${bytes} bytes, but only ${Math.max(0, maxBytes - usedBytes())} of the ${maxBytes} allowed are free; raise the limit or wait for jobs to become final.`, { code: "TRACE_STORE_FULL", retryable: true, details: { bytes, maxBytes } });
        }
        const folder = path.join(folders.entries, nameOf(jobKey, older === undefined ? 0 : generationOf(path.basename(older.folder)) + 1));
        await writeEntry(folders.incoming, folder, manifest, trace, !isSpare).catch((cause: unknown) => {
          throw new GainsayError(`The trace could not be written to ${folders.entries}; check the space on that disk.`, { code: "TRACE_WRITE_FAILED", retryable: true, details: { bytes }, cause });
        });
        if (older !== undefined) forget(older);
        add({ folder, manifest, checkedLeaves: new Set(), gone: false });
        if (older !== undefined) await removeEntry(folders.incoming, older.folder);
      }),
    async get(jobKey) {
      const entry = entries.get(jobKey);
      return entry === undefined ? undefined : loadTrace(entry, hasher, (error) => setAside(entry, error));
    },
    openTensor(root) {
      const found = tensors.get(root);
      return found === undefined ? undefined : openStoredTensor(found.entry, found.tensor, hasher, (error) => setAside(found.entry, error));
    },
    openList(root, domain) {
      for (const { manifest } of entries.values()) {
        const roots = { trace: () => manifest.tensors, inputs: () => manifest.inputs, outputs: () => manifest.outputs.map((index) => manifest.tensors[index] as StoredTensor) };
        if (manifest[rootNames[domain]] === root) return new Uint8Array(Buffer.concat(roots[domain]().map((tensor) => fromHex(tensor.root))));
      }
      return undefined;
    },
    list: () => [...entries.values()].map(({ manifest: { jobKey, programRoot, inputRoot, traceRoot, outputRoot, dataBytes, leavesBytes } }) => ({ jobKey, programRoot, inputRoot, traceRoot, outputRoot, bytes: dataBytes + leavesBytes })),
    async room() {
      const left = Math.max(0, maxBytes - usedBytes());
      // One look does for all that ask while it is under way.
      looking ??= statfs(dir)
        .catch(() => undefined)
        .finally(() => (looking = undefined));
      const disk = await looking;
      return disk === undefined ? left : Math.min(left, disk.bavail * disk.bsize);
    },
    prune: (jobKeys) =>
      exclusively(async () => {
        for (const jobKey of jobKeys) {
          const entry = entries.get(jobKey);
          if (entry === undefined) continue;
          forget(entry);
          await removeEntry(folders.incoming, entry.folder);
        }
      }),
  };
}

const rootNames = { trace: "traceRoot", inputs: "inputRoot", outputs: "outputRoot" } as const;

/** Folder of a job's entry: a hash, since a job key may hold any character, and how often the entry was replaced. */
function nameOf(jobKey: string, generation: number): string {
  return `${toHex(sha256(Buffer.from(jobKey))).slice(2, 42)}.${generation}`;
}

function generationOf(name: string): number {
  const generation = Number(name.split(".")[1]);
  return Number.isSafeInteger(generation) && generation >= 0 ? generation : 0;
}

function byGeneration(a: string, b: string): number {
  return generationOf(a) - generationOf(b);
}
