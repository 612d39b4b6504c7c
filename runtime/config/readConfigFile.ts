import { readFileSync } from "node:fs";
import { GainsayError } from "../../protocol/errors.ts";

/** The configuration file's object; an empty one if there is no file. Throws `CONFIG_MALFORMED`. */
export function readConfigFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason === "ENOENT" || reason === "ENOTDIR") return {};
    throw new GainsayError("The configuration file could not be read.", { code: "CONFIG_MALFORMED", kind: "usage", details: { file, reason }, cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GainsayError("The configuration file is not JSON.", { code: "CONFIG_MALFORMED", kind: "usage", details: { file }, cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GainsayError("The configuration file must hold one JSON object.", { code: "CONFIG_MALFORMED", kind: "usage", details: { file } });
  }
  return value as Record<string, unknown>;
}
