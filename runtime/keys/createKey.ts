import { generatePrivateKey } from "viem/accounts";
import type { Address } from "viem";
import { getAddress } from "viem/utils";
import type { Hex } from "../../protocol/hex.ts";
import { encryptKey, type EncryptOptions } from "./encryptKey.ts";
import { namedKeyFile } from "./keyFile.ts";
import { writePrivateFile } from "./privateFile.ts";
import { checkNewPassword, type PasswordSource } from "./readPassword.ts";

export interface KeyEntry {
  name: string;
  address: Address;
  file: string;
}

export interface CreateKeyOptions extends EncryptOptions {
  /** Folder of the keystores. */
  keysFolder: string;
  password: PasswordSource;
}

/**
 * Makes a new account key and writes it, encrypted and readable only by its owner, to `<keysFolder>/<name>.json`.
 * @throws GainsayError `KEY_NAME_INVALID`, `FILE_EXISTS`, `KEY_PASSWORD_EMPTY`, and those of the password source.
 */
export function createKey(name: string, options: CreateKeyOptions): Promise<KeyEntry> {
  return storeKey(name, generatePrivateKey(), options);
}

/** Encrypts a private key and writes it as a named keystore. */
export async function storeKey(name: string, privateKey: Hex, options: CreateKeyOptions): Promise<KeyEntry> {
  const file = namedKeyFile(name, options.keysFolder);
  const keystore = await encryptKey(privateKey, checkNewPassword(await options.password()), options);
  await writePrivateFile(file, `${JSON.stringify(keystore, null, 2)}\n`);
  return { name, address: getAddress(`0x${keystore.address}`), file };
}
