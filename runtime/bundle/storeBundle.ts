import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Bundle } from "./bundle.ts";
import { bundleFileNames } from "./bundleFiles.ts";
import { readBundle } from "./readBundle.ts";
import { writeBundle } from "./writeBundle.ts";

/** Puts a bundle below `folder` under the name of its program root, whole or not at all. A sound one that is there already stays. */
export async function storeBundle(folder: string, bundle: Bundle): Promise<string> {
  const target = path.join(folder, bundle.program.root);
  if (existsSync(target)) {
    const sound = await readBundle(target).then(({ program }) => program.root === bundle.program.root, () => false);
    if (sound) return target;
    await rm(target, { recursive: true, force: true });
  }
  const temporary = path.join(folder, `.${randomUUID()}`);
  try {
    await writeBundle(temporary, bundle);
    await mkdir(folder, { recursive: true });
    await rename(temporary, target).catch((cause: unknown) => {
      // Another process stored the same bundle at the same time.
      if (existsSync(path.join(target, bundleFileNames.manifest))) return;
      throw new GainsayError(`The bundle cannot be written to ${target}; check that the folder is writable.`, { code: "BUNDLE_WRITE", details: { folder: target }, cause });
    });
    return target;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
