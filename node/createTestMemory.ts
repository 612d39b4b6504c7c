import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import packageJson from "../package.json" with { type: "json" };
import type { Hex } from "../protocol/hex.ts";

const root = z.string().regex(/^0x[0-9a-f]{64}$/).transform((value) => value as Hex);
const recordSchema = z.strictObject({ version: z.string(), differing: z.number().int().min(0), traceRoot: root, innerRoots: z.array(root.nullable()) });

/** The bits of the first execution of a self-test that was passed, by the roots that name all of them. */
export type TestRecord = Omit<z.output<typeof recordSchema>, "version">;

/** What has been judged sound before, program by program. */
export interface TestMemory {
  /** Of a program whose test was passed, as this version of the software tests it. */
  recall(program: Hex): Promise<TestRecord | undefined>;
  keep(program: Hex, record: TestRecord): Promise<void>;
}

/** Remembers in files of a folder. A file that cannot be read or written costs a test and nothing else. */
export function createTestMemory(folder: string): TestMemory {
  const fileOf = (program: Hex): string => path.join(folder, `${program}.json`);
  return {
    async recall(program) {
      try {
        const { version, ...record } = recordSchema.parse(JSON.parse(await readFile(fileOf(program), "utf8")));
        return version === packageJson.version ? record : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(program, record) {
      const temporary = `${fileOf(program)}.${process.pid}`;
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(temporary, JSON.stringify({ version: packageJson.version, ...record }));
        await rename(temporary, fileOf(program));
      } catch {
        // The next start tests again.
      }
    },
  };
}
