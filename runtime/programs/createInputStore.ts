import { randomUUID } from "node:crypto";
import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Job } from "../chain/types.ts";
import { isGone } from "../isGone.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { flushFolder, writeParts } from "../traces/traceFiles.ts";
import { splitInput } from "./splitInput.ts";

/** What names an input: other programs may take the same bytes apart in another way. */
export type InputName = Pick<Job, "programRoot" | "inputRoot">;

/** Inputs that came from peers, on disk from before the claim until the trace has them: whoever served them may be gone by then. */
export interface InputStore {
  /** The input tensors, hashed, or undefined. A file that does not hash to its root is removed, with a warning. */
  get(program: Program, name: InputName): Promise<CommittedTensor[] | undefined>;
  /** Keeps an input; it lasts once the promise resolves. Throws `INPUT_NOT_KEPT`. */
  put(name: InputName, inputs: readonly CommittedTensor[]): Promise<void>;
  /** Whether an input is kept, or being written. */
  has(name: InputName): boolean;
  /** Bytes of all that is kept. */
  size(): number;
  /** Forgets one input at once; what is put afterwards stays. */
  remove(name: InputName): Promise<void>;
  /** Forgets all others, and resolves to their number. */
  keepOnly(names: Iterable<InputName>): Promise<number>;
}

const FILE = /^0x[0-9a-f]{64}-0x[0-9a-f]{64}\.bin$/;

/**
 * Keeps inputs as files: FOLDER/INPUT-PROGRAM.bin, by their roots, the bytes of the tensors one after another. A file appears whole or not at all. One process at a time
 * may use the folder.
 */
export function createInputStore(folder: string, { logger }: { logger: Pick<Logger, "warn"> }): InputStore {
  /** Bytes by file, those that are being written included; read at first use. */
  let known: Map<string, number> | undefined;
  const sizes = (): Map<string, number> => (known ??= readSizes(folder));
  const writing = new Map<string, Promise<void>>();

  const write = async (file: string, inputs: readonly CommittedTensor[]): Promise<void> => {
    const bytes = inputs.reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    const temporary = path.join(folder, `.${randomUUID()}`);
    try {
      sizes().set(file, bytes);
      if ((await mkdir(folder, { recursive: true })) !== undefined) await flushFolder(path.dirname(folder));
      await writeParts(temporary, inputs.map((tensor) => tensor.bytes), true);
      await rename(temporary, path.join(folder, file));
      await flushFolder(folder);
      // It may have been forgotten while it was written.
      sizes().set(file, bytes);
    } catch (cause) {
      known?.delete(file);
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new GainsayError(`The input of a job cannot be kept in ${folder}, so the job is not claimed; check that the folder is writable and the disk has room.`, { code: "INPUT_NOT_KEPT", retryable: true, details: { folder, bytes }, cause });
    }
  };

  const drop = async (file: string): Promise<void> => {
    known?.delete(file);
    const gone = path.join(folder, `.${randomUUID()}`);
    // Out of the way at once: whoever puts it again meanwhile must not lose it.
    try {
      renameSync(path.join(folder, file), gone);
    } catch (error) {
      if (isGone(error)) return;
      throw error;
    }
    await rm(gone, { force: true });
  };

  return {
    async get(program, name) {
      const file = fileOf(name);
      let bytes: Uint8Array;
      try {
        if (!sizes().has(file)) return undefined;
        bytes = new Uint8Array(await readFile(path.join(folder, file)));
      } catch (error) {
        // What cannot be read at the moment stays.
        if (isGone(error)) known?.delete(file);
        else logger.warn({ folder, file, error }, "a kept input cannot be read");
        return undefined;
      }
      try {
        return splitInput(program, bytes, name.inputRoot);
      } catch (error) {
        if (!(error instanceof GainsayError && error.code === "INPUT_MISMATCH")) throw error;
        logger.warn({ folder, file, reason: error.message }, "a kept input is damaged, so it is removed");
        await drop(file).catch((cause: unknown) => logger.warn({ folder, file, error: cause }, "a damaged input could not be removed"));
        return undefined;
      }
    },
    async put(name, inputs) {
      const file = fileOf(name);
      const begun = writing.get(file);
      if (begun !== undefined) return begun;
      if (known?.has(file) === true) return;
      const written = write(file, inputs).finally(() => writing.delete(file));
      writing.set(file, written);
      return written;
    },
    has: (name) => sizes().has(fileOf(name)),
    size: () => [...sizes().values()].reduce((sum, bytes) => sum + bytes, 0),
    remove: (name) => drop(fileOf(name)),
    async keepOnly(names) {
      const needed = new Set([...names].map(fileOf));
      const others = [...sizes().keys()].filter((file) => !needed.has(file) && !writing.has(file));
      await Promise.all(others.map(drop));
      return others.length;
    },
  };
}

/** Bytes of the kept files by name; removes what a crash left half written or half removed. */
function readSizes(folder: string): Map<string, number> {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  for (const name of names) if (name.startsWith(".")) rmSync(path.join(folder, name), { force: true });
  return new Map(names.filter((name) => FILE.test(name)).map((name) => [name, statSync(path.join(folder, name)).size]));
}

function fileOf({ programRoot, inputRoot }: InputName): string {
  return `${inputRoot}-${programRoot}.bin`;
}
