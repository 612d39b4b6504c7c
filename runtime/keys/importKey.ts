import { readFile } from "node:fs/promises";
import { GainsayError } from "../../protocol/errors.ts";
import { storeKey, type CreateKeyOptions, type KeyEntry } from "./createKey.ts";
import { environmentPrivateKey } from "./environmentKey.ts";
import { parsePrivateKey } from "./parsePrivateKey.ts";

/** Where the private key comes from; never the command line, which other users of the machine can see. */
export type PrivateKeySource = { stdin: AsyncIterable<Uint8Array | string> } | { env: NodeJS.ProcessEnv } | { file: string };

/**
 * Takes a private key (64 hexadecimal digits, 0x or not) from standard input, `GAINSAY_PRIVATE_KEY` or a file into a named keystore.
 * @throws GainsayError `KEY_MALFORMED`, and those of `createKey`.
 */
export async function importKey(name: string, source: PrivateKeySource, options: CreateKeyOptions): Promise<KeyEntry> {
  return storeKey(name, parsePrivateKey(await readSource(source)), options);
}

async function readSource(source: PrivateKeySource): Promise<string> {
  if ("env" in source) {
    const value = environmentPrivateKey(source.env);
    if (value === undefined) throw new GainsayError("Set GAINSAY_PRIVATE_KEY to the key to import.", { code: "KEY_NOT_FOUND", kind: "usage" });
    return value;
  }
  if ("file" in source) {
    try {
      return await readFile(source.file, "utf8");
    } catch (cause) {
      throw new GainsayError("The file with the private key could not be read.", {
        code: "FILE_NOT_READABLE",
        kind: "usage",
        details: { file: source.file, reason: (cause as NodeJS.ErrnoException).code },
      });
    }
  }
  let text = "";
  for await (const part of source.stdin) {
    text += typeof part === "string" ? part : Buffer.from(part).toString("utf8");
    if (text.length > 1024) break;
  }
  return text;
}
