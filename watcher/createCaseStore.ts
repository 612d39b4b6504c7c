import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import { flushFolder } from "../runtime/traces/traceFiles.ts";

const hex = z.custom<Hex>((value) => typeof value === "string" && /^0x([0-9a-f]{2})*$/.test(value));

const caseSchema = z
  .object({
    jobId: z.string().regex(/^\d+$/),
    attempt: z.number().int().nonnegative(),
    challenger: hex,
    stepIndex: z.number().int().nonnegative(),
    element: z.number().int().nonnegative(),
    /** Of a witness that opens inner tensors: the inner root against which it holds. */
    innerRoot: hex.optional(),
    salt: hex,
    seal: hex,
    /** `abi.encode(witness)`. */
    witness: hex,
  })
  .strict();

/** A refutation that has been sealed on chain, or is about to be. Without it the bond behind the seal would be lost. */
export type Case = z.infer<typeof caseSchema>;

/** Refutations that must outlive a crash: written before the seal is sent, kept until the dispute has ended. */
export interface CaseStore {
  /** The case lasts once the promise resolves, also over a crash of the machine. */
  put(entry: Case): Promise<void>;
  /** The one that was put last. */
  find(jobId: bigint, attempt: number): Promise<Case | undefined>;
  /** Any that was put. */
  findBySeal(seal: Hex): Promise<Case | undefined>;
  remove(jobId: bigint, attempt: number): Promise<void>;
}

export async function createCaseStore(folder: string): Promise<CaseStore> {
  await mkdir(folder, { recursive: true });
  const fileOf = (jobId: bigint | string, attempt: number): string => path.join(folder, `${jobId}-${attempt}.json`);

  const read = async (file: string): Promise<Case | undefined> => {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return caseSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new GainsayError(`The stored refutation ${file} is damaged; restore it from a backup, or its bond is lost.`, { code: "CASE_DAMAGED", details: { file }, cause });
    }
  };

  /** Files of a job's attempt: the newest refutation, and those before it. */
  const filesOf = async (jobId: bigint | string, attempt: number): Promise<string[]> => {
    const named = new RegExp(`^${jobId}-${attempt}(\\.[0-9a-f]+)?\\.json$`);
    return (await readdir(folder)).filter((name) => named.test(name)).map((name) => path.join(folder, name));
  };

  /** A seal of another commitment may stand on a chain that a reorganisation brings back, so its refutation is kept beside the new one. */
  const setAside = async (file: string, seal: Hex): Promise<void> => {
    const older = await read(file).catch(() => undefined);
    if (older !== undefined && older.seal !== seal) await rename(file, file.replace(/json$/, `${older.seal.slice(2, 18)}.json`));
  };

  return {
    async put(entry) {
      const file = fileOf(entry.jobId, entry.attempt);
      await setAside(file, entry.seal);
      await writeFile(`${file}.tmp`, JSON.stringify(entry), { flush: true });
      await rename(`${file}.tmp`, file);
      await flushFolder(folder);
    },
    find: (jobId, attempt) => read(fileOf(jobId, attempt)),
    async findBySeal(seal) {
      let damage: unknown;
      for (const name of (await readdir(folder)).filter((entry) => entry.endsWith(".json"))) {
        try {
          const entry = await read(path.join(folder, name));
          if (entry?.seal === seal) return entry;
        } catch (error) {
          // A damaged file must not hide the others; only if none of these is the one, it may have been that.
          damage ??= error;
        }
      }
      if (damage !== undefined) throw damage;
      return undefined;
    },
    async remove(jobId, attempt) {
      for (const file of await filesOf(jobId, attempt)) await rm(file, { force: true });
    },
  };
}
