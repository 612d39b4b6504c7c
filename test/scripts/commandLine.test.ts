import { execFile } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { list, listOf } from "../../scripts/commandLine.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Runs a script as a person does. */
const run = (script: string, ...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [path.join(root, "scripts", script), ...words], { cwd: root }, (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }));
  });

describe.each(["adversaries.ts", "bench.ts", "bench/conviction.ts", "bench/throughput.ts", "crash.ts", "experiments/honest.ts", "experiments/lies.ts", "families.ts", "mutate.ts", "soak.ts", "walks.ts"])("scripts/%s", (script) => {
  it("lists its options, and refuses others before it starts", async () => {
    const [help, wrong] = await Promise.all([run(script, "--help"), run(script, "--nonsense")]);
    expect(help).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: .*\n\n.*\n[^]*--help/) as string, err: "" });
    expect(wrong).toEqual({ code: 2, out: "", err: "error: unknown option '--nonsense'\n--help lists the options.\n" });
  });
});

it.each([
  ["walks.ts", ["--walks", "3"], "Write a whole number from 50 up."],
  ["bench.ts", ["--only", "start,finish"], "There is no finish; choose among"],
  ["families.ts", ["--only", "no such family"], "--only names none of"],
  ["crash.ts", ["100"], "too many arguments"],
])("scripts/%s %j: says what is right", async (script, words, message) => {
  expect(await run(script, ...words)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) as string });
});

it("reads lists with blanks around their words", () => {
  expect(list("a, b ;c", ";")).toEqual(["a, b", "c"]);
  expect(listOf(["a", "b"])("b, a")).toEqual(["b", "a"]);
  expect(() => listOf(["a", "b"])("a,c,d")).toThrow("There is no c, d; choose among a, b.");
});
