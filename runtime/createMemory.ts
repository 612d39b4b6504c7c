import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { sourceDigest } from "./sourceDigest.ts";

/** What was found out before, under names of files, and follows from the sources of the software. */
export interface Memory<Found> {
  /** Undefined unless these sources found it. */
  recall(name: string): Promise<Found | undefined>;
  keep(name: string, found: Found): Promise<void>;
}

const stamped = z.object({ sources: z.string() }).passthrough();

/** Remembers in files of a folder; `deciding` are the sources that what is found depends on. A file that cannot be read or written costs the work and nothing else. */
export function createMemory<Found extends object>(folder: string, deciding: readonly string[], schema: z.ZodType<Found, z.ZodTypeDef, unknown>): Memory<Found> {
  return {
    async recall(name) {
      try {
        const [text, current] = await Promise.all([readFile(path.join(folder, name), "utf8"), sourceDigest(deciding)]);
        const { sources, ...found } = stamped.parse(JSON.parse(text));
        return sources === current ? schema.parse(found) : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(name, found) {
      const temporary = path.join(folder, `${name}.${process.pid}`);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(temporary, JSON.stringify({ sources: await sourceDigest(deciding), ...found }));
        await rename(temporary, path.join(folder, name));
      } catch {
        // The next start finds it out again.
      }
    },
  };
}
