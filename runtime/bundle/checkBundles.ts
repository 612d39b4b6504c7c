import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { readBundle, type ReadOptions } from "./readBundle.ts";

/**
 * Reads every bundle of a folder, so that a damaged one is told at the start and not when a job needs it. Throws what `readBundle` throws;
 * with `discard`, for bundles that can be fetched again, removes the damaged ones instead. Resolves to the roots of those.
 */
export async function checkBundles(folder: string, { discard = false, memory }: { discard?: boolean } & ReadOptions = {}): Promise<string[]> {
  const removed: string[] = [];
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => /^0x[0-9a-f]{64}$/.test(one))) {
    try {
      await readBundle(path.join(folder, name), { memory });
    } catch (error) {
      if (!discard || !(error instanceof GainsayError)) throw error;
      await rm(path.join(folder, name), { recursive: true, force: true });
      removed.push(name);
    }
  }
  return removed;
}
