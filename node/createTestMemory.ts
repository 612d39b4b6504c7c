import { z } from "zod";
import type { Hex } from "../protocol/hex.ts";
import { createMemory } from "../runtime/createMemory.ts";

const root = z.string().regex(/^0x[0-9a-f]{64}$/).transform((value) => value as Hex);
const recordSchema = z.strictObject({ differing: z.number().int().min(0), graph: z.string().optional(), traceRoot: root, innerRoots: z.array(root.nullable()) });

/** What decides whether bits are judged sound: program, lowering and judge, what runs the program, and the test. The version of the package does not change while somebody works on these. */
const deciding = ["protocol", "runtime/inference", "runtime/programs", "runtime/verification", "runtime/audit/elementTypes.ts", "runtime/disputes/answerCost.ts", "node/selfTest.ts", "node/judgeExecution.ts"];

/** The bits of the first execution of a self-test that was passed, by the roots that name all of them, and the kept graph that gave them. */
export type TestRecord = z.output<typeof recordSchema>;

/** What has been judged sound before, program by program. */
export interface TestMemory {
  /** Of a program whose test was passed, as these sources of the software test it. */
  recall(program: Hex): Promise<TestRecord | undefined>;
  keep(program: Hex, record: TestRecord): Promise<void>;
}

/** Remembers in files of a folder; see `createMemory`. */
export function createTestMemory(folder: string): TestMemory {
  const passed = createMemory(folder, deciding, recordSchema);
  const nameOf = (program: Hex): string => `${program}.json`;
  return { recall: (program) => passed.recall(nameOf(program)), keep: (program, record) => passed.keep(nameOf(program), record) };
}
