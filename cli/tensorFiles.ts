import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../protocol/errors.ts";
import { toHex, type Hex } from "../protocol/hex.ts";
import { listRoot } from "../protocol/trees/listTree.ts";
import { tensorRoot } from "../protocol/trees/tensorTree.ts";
import { inputRootOf } from "../runtime/programs/splitInput.ts";

export type StoredKind = "tensor" | "inputs";

/** Committed tensors and lists of input roots by their root: what a requester submitted and fetched. A cache: a damaged file is as none. */
export interface TensorFiles {
  read(kind: StoredKind, root: Hex): Promise<Uint8Array | undefined>;
  /** Writes a tensor; returns its root. */
  writeTensor(bytes: Uint8Array): Promise<Hex>;
  /** Writes the inputs of a job and the list of their roots; returns the root of the list. */
  writeInputs(inputs: readonly Uint8Array[]): Promise<Hex>;
}

/** Keeps the files below `folder`. */
export function createTensorFiles(folder: string): TensorFiles {
  const fileOf = (kind: StoredKind, root: Hex): string => path.join(folder, kind, `${root}.bin`);

  async function write(kind: StoredKind, root: Hex, bytes: Uint8Array): Promise<void> {
    const file = fileOf(kind, root);
    const temporary = `${file}.${randomUUID()}`;
    try {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(temporary, bytes);
      await rename(temporary, file);
    } catch (cause) {
      throw new GainsayError(`The file ${file} cannot be written; check the home folder's permissions.`, { code: "FILE_NOT_WRITABLE", details: { file, reason: (cause as NodeJS.ErrnoException).code }, cause });
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async function writeTensor(bytes: Uint8Array): Promise<Hex> {
    const root = toHex(tensorRoot(bytes));
    await write("tensor", root, bytes);
    return root;
  }

  return {
    async read(kind, root) {
      const bytes = await readFile(fileOf(kind, root)).then((buffer) => new Uint8Array(buffer), () => undefined);
      if (bytes === undefined || bytes.length === 0 || (kind === "inputs" && bytes.length % 32 !== 0)) return undefined;
      return toHex(kind === "tensor" ? tensorRoot(bytes) : listRoot("inputs", bytes)) === root ? bytes : undefined;
    },
    writeTensor,
    async writeInputs(inputs) {
      const roots = await Promise.all(inputs.map(writeTensor));
      const root = inputRootOf(inputs);
      await write("inputs", root, new Uint8Array(Buffer.from(roots.map((item) => item.slice(2)).join(""), "hex")));
      return root;
    },
  };
}
