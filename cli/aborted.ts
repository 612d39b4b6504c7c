import { GainsayError } from "../protocol/errors.ts";

/** What a command throws when the person ended it before it was done. */
export function aborted(details: Record<string, unknown> = {}): GainsayError {
  return new GainsayError("Ended before it was done.", { code: "ABORTED", details });
}
