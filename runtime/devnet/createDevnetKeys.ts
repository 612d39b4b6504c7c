import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Address } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { pathsOf } from "../config/paths.ts";
import { createKey } from "../keys/createKey.ts";
import { SCRYPT_N_LIGHT } from "../keys/encryptKey.ts";
import { listKeys } from "../keys/listKeys.ts";
import { readPrivateFile, writePrivateFile } from "../keys/privateFile.ts";

export interface DevnetKey {
  name: string;
  address: Address;
  file: string;
}

/** Makes the keystores that are not there yet, with a password of their own in a file of the home folder. */
export async function createDevnetKeys(home: string, names: readonly string[]): Promise<{ keys: DevnetKey[]; passwordFile: string }> {
  const paths = pathsOf(home);
  const passwordFile = path.join(paths.devnet, "password");
  if ((await readPrivateFile(passwordFile)) === undefined) await writePrivateFile(passwordFile, `${randomBytes(24).toString("base64url")}\n`);
  const password = Buffer.from((await readPrivateFile(passwordFile)) ?? []).toString("utf8").trim();
  const existing = new Map((await listKeys(paths.keys)).map((key) => [key.name, key]));
  const keys: DevnetKey[] = [];
  for (const name of names) {
    const known = existing.get(name);
    if (known === undefined) {
      keys.push(await createKey(name, { keysFolder: paths.keys, password: () => Promise.resolve(password), scryptN: SCRYPT_N_LIGHT }));
    } else if (known.address === undefined) {
      throw new GainsayError("A keystore of the devnet cannot be used; remove the file and start again.", { code: "KEY_MALFORMED", kind: "usage", details: { file: known.file } });
    } else {
      keys.push({ name, address: known.address, file: known.file });
    }
  }
  return { keys, passwordFile };
}
