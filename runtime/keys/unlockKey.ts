import path from "node:path";
import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { GainsayError } from "../../protocol/errors.ts";
import { decryptKey } from "./decryptKey.ts";
import { keyFile } from "./keyFile.ts";
import { readKeystore } from "./readKeystore.ts";
import type { PasswordSource } from "./readPassword.ts";

export interface UnlockedKey {
  name: string;
  file: string;
  /** Signs as viem's local accounts do; the private key stays inside. */
  account: PrivateKeyAccount;
}

/**
 * Opens a keystore by name (in `keysFolder`) or path.
 * @throws GainsayError `KEY_NOT_FOUND`, `KEY_MALFORMED`, `KEY_WRONG_PASSWORD`, `FILE_NOT_READABLE`, and those of the password source.
 */
export async function unlockKey(nameOrPath: string, options: { keysFolder: string; password: PasswordSource }): Promise<UnlockedKey> {
  const file = keyFile(nameOrPath, options.keysFolder);
  const keystore = await readKeystore(file);
  try {
    return { name: path.basename(file, ".json"), file, account: privateKeyToAccount(await decryptKey(keystore, await options.password())) };
  } catch (error) {
    if (error instanceof GainsayError && error.code.startsWith("KEY_")) {
      throw new GainsayError(error.message, { code: error.code, kind: error.kind, details: { ...error.details, file } });
    }
    throw error;
  }
}
