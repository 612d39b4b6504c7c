import { z } from "zod";
import { createMemory } from "../createMemory.ts";

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

/** Remembers in files of a folder; see `createMemory`. */
export function createBundleMemory(folder: string): BundleMemory {
  const sound = createMemory(folder, deciding, z.strictObject({}));
  return {
    knows: async (sha256) => (await sound.recall(sha256)) !== undefined,
    keep: (sha256) => sound.keep(sha256, {}),
  };
}
