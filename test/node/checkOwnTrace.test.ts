import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkOwnTrace } from "../../node/checkOwnTrace.ts";
import type { Job } from "../../runtime/chain/types.ts";
import { seededInputs } from "../../runtime/audit/seededInputs.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../runtime/hashing/createHasher.ts";
import { createInference } from "../../runtime/inference/createInference.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { prepareProgram } from "../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { bottleneckModel } from "../support/bottleneckModel.ts";

const logger = silentLogger();
const hasher = createHasher({ threads: 1 });
const now = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger });
const then = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger });
const loaded = new Map<string, LoadedProgram>();
let trace: Trace;
let other: Trace;

beforeAll(async () => {
  hasher.start();
  const runner = createFoldRunner();
  for (const granularity of ["block", "layer"] as const) {
    const bundle = await compileModel({ modelBytes: bottleneckModel(), granularity }, { runner });
    loaded.set(granularity, prepareProgram(bundle, now, hasher));
    if (granularity === "layer") continue;
    const inputs = seededInputs(bundle.program, 1, 8);
    trace = await prepareProgram(bundle, now, hasher).execute(inputs);
    other = await prepareProgram(bundle, then, hasher).execute(inputs);
  }
  runner.close();
});
afterAll(async () => {
  await Promise.all([now.stop(), then.stop(), hasher.stop()]);
});

const check = async (stored: Trace | undefined, program = "block") => {
  const errors: unknown[] = [];
  const asked: string[] = [];
  const noting = { ...logger, error: (fields: unknown) => void errors.push(fields) } as typeof logger;
  const traces = { get: async (key: string) => (asked.push(key), stored) };
  const result = await checkOwnTrace({ id: 4n, attempt: 2, programRoot: trace.programRoot, inputRoot: trace.inputRoot } as Job, { programs: { open: async () => loaded.get(program) }, traces, logger: noting }, new AbortController().signal);
  return { result, errors, asked };
};

describe("checkOwnTrace", () => {
  it("finds a trace of this machine's own to be what it computes", async () => {
    expect(await check(trace)).toEqual({ result: true, errors: [], asked: [expect.stringMatching(/^4\/2/)] });
  });

  it("warns of a trace that was computed with other options", async () => {
    const { result, errors } = await check(other);
    expect(result).toBe(false);
    expect(errors).toEqual([{ jobId: 4n, attempt: 2, tensor: expect.any(Number) }]);
  });

  it("has nothing to say of programs without inner tensors, of those that are not here, and of traces that are not here", async () => {
    expect((await check(trace, "layer")).result).toBeUndefined();
    expect((await check(trace, "none")).result).toBeUndefined();
    expect((await check(undefined)).result).toBeUndefined();
  });
});
