import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Hex } from "../protocol/hex.ts";
import { sourceDigest } from "../runtime/sourceDigest.ts";

const root = z.string().regex(/^0x[0-9a-f]{64}$/).transform((value) => value as Hex);
const recordSchema = z.strictObject({ sources: z.string(), differing: z.number().int().min(0), graph: z.string().optional(), traceRoot: root, innerRoots: z.array(root.nullable()) });

/** What decides whether bits are judged sound: program, lowering and judge, what runs the program, and the test. The version of the package does not change while somebody works on these. */
const deciding = ["protocol", "runtime/inference", "runtime/programs", "runtime/verification", "runtime/audit/elementTypes.ts", "runtime/disputes/answerCost.ts", "node/selfTest.ts", "node/judgeExecution.ts"];

/** The bits of the first execution of a self-test that was passed, by the roots that name all of them, and the kept graph that gave them. */
export type TestRecord = Omit<z.output<typeof recordSchema>, "sources">;

/** What has been judged sound before, program by program. */
export interface TestMemory {
  /** Of a program whose test was passed, as these sources of the software test it. */
  recall(program: Hex): Promise<TestRecord | undefined>;
  keep(program: Hex, record: TestRecord): Promise<void>;
}

/** Remembers in files of a folder. A file that cannot be read or written costs a test and nothing else. */
export function createTestMemory(folder: string): TestMemory {
  const fileOf = (program: Hex): string => path.join(folder, `${program}.json`);
  return {
    async recall(program) {
      try {
        const [text, current] = await Promise.all([readFile(fileOf(program), "utf8"), sourceDigest(deciding)]);
        const { sources, ...record } = recordSchema.parse(JSON.parse(text));
        return sources === current ? record : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(program, record) {
      const temporary = `${fileOf(program)}.${process.pid}`;
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(temporary, JSON.stringify({ sources: await sourceDigest(deciding), ...record }));
        await rename(temporary, fileOf(program));
      } catch {
        // The next start tests again.
      }
    },
  };
}
