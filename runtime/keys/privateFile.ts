import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";

export interface PrivateFileOptions {
  /** Replace a file that is there already; without it, one that exists is an error `FILE_EXISTS`. */
  replace?: boolean;
}

/**
 * Writes a file that only its owner may read (mode 0600, folder 0700), completely or not at all.
 * @throws GainsayError `FILE_EXISTS` if it is there already and may not be replaced, `FILE_NOT_WRITABLE` otherwise.
 */
export async function writePrivateFile(file: string, content: string | Uint8Array, options: PrivateFileOptions = {}): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}`);
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link fails where the name is taken, so that two processes that start at once cannot overwrite each other's key.
    if (options.replace) await rename(temporary, file);
    else await link(temporary, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") {
      throw new GainsayError("The file exists already; choose another name or remove it first.", { code: "FILE_EXISTS", kind: "usage", details: { file } });
    }
    throw new GainsayError("The file could not be written; check the folder's permissions and the free space.", {
      code: "FILE_NOT_WRITABLE",
      details: { file, reason: (cause as NodeJS.ErrnoException).code },
      cause,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Reads a file that holds an unencrypted secret; undefined if there is none.
 * @throws GainsayError `FILE_NOT_PRIVATE` if other users may read it, `FILE_NOT_READABLE` otherwise.
 */
export async function readPrivateFile(file: string): Promise<Uint8Array | undefined> {
  try {
    const { mode } = await stat(file);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new GainsayError("Other users may read this secret file; run chmod 600 on it.", {
        code: "FILE_NOT_PRIVATE",
        kind: "usage",
        details: { file, mode: (mode & 0o777).toString(8) },
      });
    }
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    if (cause instanceof GainsayError) throw cause;
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason === "ENOENT") return undefined;
    throw new GainsayError("The file could not be read; check that it is a file and its permissions.", { code: "FILE_NOT_READABLE", kind: "usage", details: { file, reason }, cause });
  }
}
