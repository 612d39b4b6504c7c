import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { sourceDigest } from "../sourceDigest.ts";

/** What decides whether a program is sound. */
const deciding = ["protocol", "runtime/bundle"];

/**
 * Which `program.json` were found sound before. Whether one is follows from its bytes alone, so it need not be worked out at each start. A bundle never brings its own memory along: that would be the
 * word of whoever made it.
 */
export interface BundleMemory {
  /** Whether a file of this SHA-256, in hexadecimal, was found sound by these sources of the software. */
  knows(sha256: string): Promise<boolean>;
  keep(sha256: string): Promise<void>;
}

/** Remembers in files of a folder. A file that cannot be read or written costs the work and nothing else. */
export function createBundleMemory(folder: string): BundleMemory {
  return {
    async knows(sha256) {
      try {
        const [sources, current] = await Promise.all([readFile(path.join(folder, sha256), "utf8"), sourceDigest(deciding)]);
        return sources === current;
      } catch {
        return false;
      }
    },
    async keep(sha256) {
      const temporary = path.join(folder, `.${sha256}.${process.pid}`);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(temporary, await sourceDigest(deciding));
        await rename(temporary, path.join(folder, sha256));
      } catch {
        // The next start works it out again.
      }
    },
  };
}
