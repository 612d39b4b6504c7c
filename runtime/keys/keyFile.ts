import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * The file of a key that is given by name (in `keysFolder`) or by path (anything with a separator or ending in `.json`).
 * @throws GainsayError `KEY_NAME_INVALID`.
 */
export function keyFile(nameOrPath: string, keysFolder: string): string {
  if (nameOrPath.endsWith(".json") || nameOrPath.includes("/") || nameOrPath.includes(path.sep)) return path.resolve(nameOrPath);
  return namedKeyFile(nameOrPath, keysFolder);
}

/** The file of a named key. Throws `KEY_NAME_INVALID` for what could leave the folder or surprise a shell. */
export function namedKeyFile(name: string, keysFolder: string): string {
  if (!namePattern.test(name)) {
    throw new GainsayError("A key's name has 1 to 64 letters, digits, hyphens or underscores and starts with a letter or digit.", {
      code: "KEY_NAME_INVALID",
      kind: "usage",
      details: { name: name.slice(0, 80) },
    });
  }
  return path.join(keysFolder, `${name}.json`);
}
