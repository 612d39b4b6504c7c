import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "./aborted.ts";

/** Waits; throws `ABORTED` with the details if the person ends the command meanwhile. */
export async function pause(milliseconds: number, signal: AbortSignal, details: Record<string, unknown> = {}): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    throw aborted(details);
  }
}
