import { readFile, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { writePrivateFile } from "../keys/privateFile.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { lockDirectory, type DirectoryLock } from "../traces/lockDirectory.ts";
import { flushFolder } from "../traces/traceFiles.ts";
import { decodeIntent, encodeIntent, type Intent } from "./intent.ts";

/** What an account has broadcast, or was about to, and has no receipt of: a file for each nonce. */
export interface Intents {
  /** Left by an earlier process, lowest nonce first. Those that cannot be read are set aside, and the log says so. */
  readonly left: readonly Intent[];
  /** Before the broadcast. A record that cannot be written is an error in the log and keeps nothing from being sent: a full disk must not lose a dispute. */
  write(intent: Intent): Promise<void>;
  /** Once the nonce is used. */
  remove(nonce: number): Promise<void>;
  close(): void;
}

/** Processes of one data folder that send for one account at once: a daemon, and commands beside it. */
const MAX_PROCESSES = 16;

/**
 * Opens the records of one account on one chain. Each process has a folder of its own, the first that no other one holds, so that none raises the fee of
 * what another one still waits for. Resolves to undefined, with a line in the log, if there is none to be had.
 */
export async function openIntents(folder: string, { logger }: { logger: Logger }): Promise<Intents | undefined> {
  try {
    const taken = takeFolder(folder);
    const left = await readAll(taken.folder, logger);
    return {
      left,
      async write(intent) {
        try {
          await writePrivateFile(fileOf(taken.folder, intent.nonce), encodeIntent(intent), { replace: true });
          await flushFolder(taken.folder);
        } catch (error) {
          logger.error({ error, nonce: intent.nonce, call: intent.call }, "transaction could not be written down before it was sent; a restart would not know of it");
        }
      },
      async remove(nonce) {
        await rm(fileOf(taken.folder, nonce), { force: true }).catch((error: unknown) => logger.warn({ error, nonce }, "record of a transaction could not be removed"));
      },
      close: () => taken.lock.release(),
    };
  } catch (error) {
    logger.error({ error, folder }, "transactions cannot be written down before they are sent; a restart would not know of them");
    return undefined;
  }
}

function takeFolder(folder: string): { folder: string; lock: DirectoryLock } {
  for (let place = 0; ; place++) {
    const own = path.join(folder, String(place));
    try {
      return { folder: own, lock: lockDirectory(own) };
    } catch (error) {
      if (!(error instanceof GainsayError && error.code === "DATA_DIR_LOCKED") || place === MAX_PROCESSES - 1) throw error;
    }
  }
}

function fileOf(folder: string, nonce: number): string {
  return path.join(folder, `${nonce}.json`);
}

async function readAll(folder: string, logger: Logger): Promise<Intent[]> {
  const intents: Intent[] = [];
  for (const name of (await readdir(folder)).filter((entry) => /^\d+\.json$/.test(entry))) {
    const file = path.join(folder, name);
    try {
      const intent = decodeIntent(await readFile(file, "utf8"));
      if (name !== `${intent.nonce}.json`) throw new GainsayError("The record names another nonce than its file.", { code: "INTENT_DAMAGED", details: { file } });
      intents.push(intent);
    } catch (error) {
      const aside = `${file}.damaged`;
      await rename(file, aside);
      logger.warn({ error, file: aside, nonce: Number.parseInt(name, 10) }, "record of a sent transaction is damaged and was set aside; if the transaction is stuck, the next one takes its place");
    }
  }
  return intents.sort((a, b) => a.nonce - b.nonce);
}
