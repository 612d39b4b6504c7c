import { readFile } from "node:fs/promises";
import { GainsayError } from "../../protocol/errors.ts";
import { keystoreSchema, type Keystore } from "./keystore.ts";

/** No keystore is longer; a larger file is something else. */
const maxBytes = 64 * 1024;

/**
 * Reads and checks a keystore file.
 * @throws GainsayError `KEY_NOT_FOUND`, `FILE_NOT_READABLE` or `KEY_MALFORMED`.
 */
export async function readKeystore(file: string): Promise<Keystore> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason === "ENOENT") throw new GainsayError("There is no such key; list the keys there are with `gainsay keys list`.", { code: "KEY_NOT_FOUND", kind: "usage", details: { file } });
    throw new GainsayError("The keystore file could not be read; check that it is a file and its permissions.", { code: "FILE_NOT_READABLE", kind: "usage", details: { file, reason }, cause });
  }
  if (text.length > maxBytes) throw malformed(file, "it is too long");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, which may hold a secret that somebody put there by mistake.
    throw malformed(file, "it is not JSON");
  }
  // Older files of other wallets write the section's name with a capital.
  const value = typeof json === "object" && json !== null && "Crypto" in json && !("crypto" in json) ? { ...json, crypto: json.Crypto } : json;
  const parsed = keystoreSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(file, `${issue?.path.join(".") || "the document"}: ${issue?.code === "invalid_type" ? "missing or of the wrong type" : "not what version 3 asks for"}`);
  }
  return parsed.data;
}

function malformed(file: string, reason: string): GainsayError {
  return new GainsayError(`The file is not a version 3 keystore: ${reason}.`, { code: "KEY_MALFORMED", kind: "usage", details: { file } });
}
