import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "./aborted.ts";

/** Waits; throws `ABORTED` if the person ends the command meanwhile. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    throw aborted();
  }
}
