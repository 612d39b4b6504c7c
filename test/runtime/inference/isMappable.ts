import { accessSync, constants, statfsSync } from "node:fs";
import { loadForeign } from "../../../protocol/foreign.ts";

/** Whether spools of this process can be mapped, and have so many bytes. */
export function isMappable(bytes: number): boolean {
  if (process.platform !== "linux" || loadForeign() === undefined) return false;
  try {
    accessSync("/dev/shm", constants.W_OK);
    const { bavail, bsize } = statfsSync("/dev/shm");
    return bavail * bsize >= bytes;
  } catch {
    return false;
  }
}
