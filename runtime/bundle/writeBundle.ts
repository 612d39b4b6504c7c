import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Bundle } from "./bundle.ts";
import { bundleFileNames, bundleFiles } from "./bundleFiles.ts";

/**
 * Writes a bundle as a folder. Each file appears whole or not at all, the manifest last, so that an interrupted write is never
 * taken for a bundle. Throws `BUNDLE_WRITE`.
 */
export async function writeBundle(folder: string, bundle: Bundle): Promise<void> {
  const files = bundleFiles(bundle);
  try {
    await mkdir(folder, { recursive: true });
    await rm(join(folder, bundleFileNames.manifest), { force: true });
    for (const name of [bundleFileNames.model, bundleFileNames.program, bundleFileNames.manifest]) {
      const temporary = join(folder, `.${name}.${process.pid}`);
      await writeFile(temporary, files[name]);
      await rename(temporary, join(folder, name));
    }
  } catch (cause) {
    throw new GainsayError(`The bundle cannot be written to ${folder}; check that the folder is writable.`, { code: "BUNDLE_WRITE", details: { folder }, cause });
  }
}
