import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Address } from "viem";
import { getAddress } from "viem/utils";
import { GainsayError } from "../../protocol/errors.ts";
import { readKeystore } from "./readKeystore.ts";

export interface ListedKey {
  name: string;
  file: string;
  /** Undefined if the file does not name it; only its password tells then. */
  address?: Address;
  /** Code of what is wrong with the file. */
  error?: string;
}

/** The keystores of a folder by name, without opening them. A file that is no keystore is listed with what is wrong with it. */
export async function listKeys(keysFolder: string): Promise<ListedKey[]> {
  let names: string[];
  try {
    names = await readdir(keysFolder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new GainsayError("The folder of the keys could not be read.", { code: "FILE_NOT_READABLE", kind: "usage", details: { folder: keysFolder }, cause });
  }
  const files = names.filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
  return Promise.all(
    files.map(async (fileName): Promise<ListedKey> => {
      const entry = { name: path.basename(fileName, ".json"), file: path.join(keysFolder, fileName) };
      try {
        const { address } = await readKeystore(entry.file);
        return address === undefined ? entry : { ...entry, address: getAddress(`0x${address.replace(/^0x/, "")}`) };
      } catch (error) {
        if (error instanceof GainsayError) return { ...entry, error: error.code };
        throw error;
      }
    }),
  );
}
