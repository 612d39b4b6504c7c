import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GainsayError } from "../../protocol/errors.ts";

/** A directory that this process alone uses. */
export interface DirectoryLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/** Databases of the locks held: one that nobody refers to would be closed by the garbage collector, and its lock with it. */
const heldOpen = new Set<DatabaseSync>();

/**
 * Takes a data directory for this process, making it if need be. The lock is the operating system's, held through an SQLite
 * file, so it ends with the process however that ends; nothing stale is ever left. Throws `DATA_DIR_LOCKED` with the pid of the
 * holder, `DATA_DIR_UNUSABLE` if the directory cannot be written.
 */
export function lockDirectory(dir: string): DirectoryLock {
  const pidFile = path.join(dir, "lock.pid");
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true });
    database = new DatabaseSync(path.join(dir, "lock.sqlite"), { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    notePid(pidFile);
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
      const pid = readPid(pidFile);
      throw new GainsayError(`The data directory ${dir} is in use by ${pid === undefined ? "another process" : `process ${pid}`}; stop it or choose another directory.`, { code: "DATA_DIR_LOCKED", kind: "usage", details: { dir, pid }, cause });
    }
    throw new GainsayError(`The data directory ${dir} cannot be used; check that it exists and can be written.`, { code: "DATA_DIR_UNUSABLE", kind: "usage", details: { dir }, cause });
  }
  const held = database;
  heldOpen.add(held);
  return {
    release() {
      if (heldOpen.delete(held)) held.close();
    },
  };
}

/** The lock is the database; this only names its holder, and a full disk must not keep a daemon from defending what it has stored. */
function notePid(file: string): void {
  try {
    writeFileSync(file, String(process.pid));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
