import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { hashFile } from "../hashFile.ts";
import { isGone } from "../isGone.ts";
import type { Logger } from "../inference/types.ts";
import { graphSetting, settingName, type GraphOptions } from "./graphSetting.ts";
import type { Graph, GraphStore, ProgramGraphs } from "./graphs.ts";

/** Settings of one program whose graphs are kept, those that were used last. */
const KEPT_SETTINGS = 8;
/** What those left who ended before they were done is removed after this time. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;
/** Says what a folder's graphs are for. Written whenever they are used: its time is when they were used last. The folder's own time changes with what is removed from it. */
const SETTING_FILE = "setting.json";

/**
 * Keeps graphs as files: FOLDER/PROGRAM/SETTING/NAME-SHA256.onnx, where the setting is all that decides their bits.
 *
 * "Optimise once, save, run as saved" then holds beyond a restart: what was posted from a graph can be expanded with that graph. A file appears whole or not at all.
 * Of several that writers made at the same time the one that appeared first counts, for all of them. Each time that a file is loaded it is hashed while ONNX Runtime reads it; one that
 * has other bytes than its name says is removed, with a warning, and the load fails with `GRAPH_DAMAGED`, so that it is made again; one that cannot be read at the moment stays, and
 * the load fails with `GRAPH_NOT_READ`. Throws `GRAPH_NOT_KEPT` where the folder cannot be written.
 */
export function createGraphStore(folder: string, options: GraphOptions, { logger }: { logger: Pick<Logger, "warn"> }): GraphStore {
  return {
    async open(program, runtimeVersion) {
      const setting = await graphSetting(options, runtimeVersion);
      const own = path.join(folder, program, settingName(setting));
      try {
        await mkdir(own, { recursive: true });
        await writeFile(path.join(own, SETTING_FILE), `${JSON.stringify(setting, null, 2)}\n`);
      } catch (cause) {
        throw notKept(own, cause);
      }
      // Nobody waits for it. Whatever cannot be removed now is tried again at the next start.
      prune(path.join(folder, program)).catch((error: unknown) => logger.warn({ error, folder }, "graphs of former settings could not be removed"));
      return programGraphs(own, logger);
    },
  };
}

function programGraphs(folder: string, logger: Pick<Logger, "warn">): ProgramGraphs {
  return {
    setting: path.basename(folder),
    async of(name, write, from) {
      // 64 bits of the hash tell apart what one program was ever made into.
      const label = from === undefined ? name : `${name}.${from.sha256.slice(0, 16)}`;
      const kept = await find(folder, label);
      if (kept !== undefined) return storedGraph(folder, kept, logger);
      const temporary = path.join(folder, `.${label}-${randomUUID()}`);
      let made: string;
      try {
        await write(temporary);
        made = await settle(temporary, folder, label);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw cause instanceof GainsayError ? cause : notKept(folder, cause);
      }
      const first = (await find(folder, label)) ?? made;
      if (first !== made) await rm(path.join(folder, made), { force: true });
      return storedGraph(folder, first, logger);
    },
  };
}

/** Flushes a file to disk and gives it the name of its contents; one that has that name already keeps it, and its time. */
async function settle(temporary: string, folder: string, label: string): Promise<string> {
  const handle = await open(temporary, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  const name = `${label}-${(await hashFile(temporary)).sha256}.onnx`;
  const file = path.join(folder, name);
  if ((await stat(file).catch(unlessGone)) === undefined) await rename(temporary, file);
  else await rm(temporary, { force: true });
  return name;
}

/** Name of the graph's file. Of several the one that was there first: commitments may have been made with it. */
async function find(folder: string, label: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${label}-`) && /^-[0-9a-f]{64}\.onnx$/.test(name.slice(label.length))).sort();
  if (names.length < 2) return names[0];
  // A file's name counts as a change of it, but not of its contents, which may have waited long for that name.
  const first = (await byAge(names.map((name) => path.join(folder, name)), "ctimeMs"))[0];
  return first && path.basename(first.file);
}

function storedGraph(folder: string, name: string, logger: Pick<Logger, "warn">): Graph {
  const file = path.join(folder, name);
  const sha256 = name.slice(-(64 + ".onnx".length), -".onnx".length);
  let read: WeakRef<Uint8Array> | undefined;
  const refuse = async (details: object, cause?: unknown): Promise<never> => {
    logger.warn({ file, ...details }, "a kept graph is damaged or gone, so it is made again");
    await rm(file, { force: true });
    throw new GainsayError("A graph that was kept on disk is damaged or gone; it is made again.", { code: "GRAPH_DAMAGED", retryable: true, details: { file, ...details }, cause });
  };
  const verify = async (found: string): Promise<void> => {
    if (found !== sha256) await refuse({ wanted: sha256, found });
  };
  /** What made commitments is not removed because this process cannot read it, as with too many files open. */
  const unread = (cause: unknown): Promise<never> => {
    if (isGone(cause)) return refuse({}, cause);
    throw new GainsayError(`A graph that was kept on disk cannot be read: ${(cause as Error).message}; check the disk, who may read the file, and how many files this process may open.`, { code: "GRAPH_NOT_READ", retryable: true, details: { file }, cause });
  };
  return {
    sha256,
    source: {
      path: file,
      check: async () => verify((await hashFile(file).catch(unread)).sha256),
    },
    async bytes() {
      const known = read?.deref();
      if (known !== undefined) return known;
      const bytes = new Uint8Array(await readFile(file).catch(unread));
      await verify(createHash("sha256").update(bytes).digest("hex"));
      read = new WeakRef(bytes);
      return bytes;
    },
  };
}

/** Removes the settings that were not used for the longest time, and what others have left half written or half removed. They may write, rename and remove here meanwhile. */
async function prune(folder: string): Promise<void> {
  const all = (await readdir(folder)).map((name) => path.join(folder, name));
  const settings = (await byAge(all.map((own) => path.join(own, SETTING_FILE)))).map(({ file }) => path.dirname(file));
  for (const own of settings.slice(0, -KEPT_SETTINGS)) await rm(own, { recursive: true, force: true });
  const current = settings.at(-1);
  const graphs = current === undefined ? [] : ((await readdir(current).catch(unlessGone)) ?? []);
  const begun = graphs.filter((name) => name.startsWith(".")).map((name) => path.join(current as string, name));
  for (const { file, changed } of await byAge([...all.filter((own) => !settings.includes(own)), ...begun])) {
    if (Date.now() - changed > ABANDONED_MS) await rm(file, { recursive: true, force: true });
  }
}

/** Those of `files` that are there, with the time of the last change in milliseconds, of their contents or of anything about them, the oldest first. */
async function byAge(files: readonly string[], time: "mtimeMs" | "ctimeMs" = "mtimeMs"): Promise<{ file: string; changed: number }[]> {
  const found = await Promise.all(
    files.map(async (file) => {
      const changed = (await stat(file).catch(unlessGone))?.[time];
      return changed === undefined ? [] : [{ file, changed }];
    }),
  );
  return found.flat().sort((a, b) => a.changed - b.changed);
}

function unlessGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

function notKept(folder: string, cause: unknown): GainsayError {
  return new GainsayError(`The graphs of a program cannot be kept in ${folder}; check that the folder is writable and the disk has room.`, { code: "GRAPH_NOT_KEPT", retryable: true, details: { folder }, cause });
}
