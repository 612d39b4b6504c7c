import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildOnnx, floats, noise, op } from "../support/onnxBuilder.ts";
import { digitsFile, run, sampleFile, temporaryFolder } from "./helpers.ts";

const { folder, remove } = temporaryFolder();
afterAll(remove);
const env = { GAINSAY_HOME: path.join(folder, "home") };

function model(name: string, content: Uint8Array): string {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
}

describe("gainsay audit", () => {
  it.each(["layer", "block"])("judges samples of each step of the project's own model, and catches every lie, at granularity %s", async (granularity) => {
    const { code, json } = await run(["audit", digitsFile, "--granularity", granularity, "--input", `image=${sampleFile(3)}`, "--samples", "4", "--json"], { env });
    const report = json();
    expect(code).toBe(0);
    expect(report.model).toBe(digitsFile);
    expect(report.steps).toHaveLength(6);
    expect(report.steps[0]).toMatchObject({ index: 0, kind: "contraction", nodes: ["conv1", "relu1"], elements: 6272, committedBytes: 25_088, judged: 4, sound: 4, falseFraud: 0, fraudMissed: 0, disagreements: 0, oversized: 0 });
    for (const step of report.steps) {
      expect(step.gasMin).toBeGreaterThan(50_000);
      expect(step.gasMax).toBeGreaterThanOrEqual(step.gasMin);
      expect(step.gasMax).toBeLessThan(2_000_000);
      expect(step.witnessBytesMax).toBeGreaterThan(1024);
      expect(step.fraudCaught).toBe(step.corrupted);
    }
    expect(report.totals).toMatchObject({ steps: 6, elements: 11_802, judged: 24, sound: 24, falseFraud: 0, fraudMissed: 0, disagreements: 0, oversized: 0 });
    expect(report.totals.corrupted).toBeGreaterThan(48);
    expect(report.totals.gasMax).toBe(Math.max(...report.steps.map(({ gasMax }: { gasMax: number }) => gasMax)));
    expect([report.holds, report.faults]).toEqual([true, []]);
  });

  it("shows a line a step, with what it costs", async () => {
    const { code, stdout } = await run(["audit", digitsFile, "--samples", "1", "--seed", "5"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^0 +contraction +conv1 \+ relu1 +6272 +25\.1 kB +\d+ +\d+ .* 1\/1 /m);
    expect(stdout).toContain("every verdict fits one transaction");
  });

  it("names every node of a model that does not compile, and shows no steps", async () => {
    const foreign = (name: string, from: string, to: string) => ({ ...op("Frobnicate", [from], [to]), name, domain: "com.example" });
    const file = model("foreign.onnx", buildOnnx({ inputs: { x: [4] }, nodes: [foreign("first", "x", "a"), foreign("second", "a", "y")], outputs: ["y"] }));
    const { code, stderr, json } = await run(["audit", file, "--json"], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ {2}first: .*Frobnicate/m);
    expect(stderr).toMatch(/^ {2}second: .*Frobnicate/m);
    expect(json().error.code).toBe("MODEL_UNSUPPORTED");
    expect(json()).not.toHaveProperty("steps");
  });

  it("fails where a verdict does not fit one transaction", async () => {
    // The calldata alone, 40 gas a byte by EIP-7623, is too much.
    const terms = 54_000;
    const file = model("long.onnx", buildOnnx({ inputs: { x: [1, terms] }, nodes: [op("MatMul", ["x", "w"], ["y"])], outputs: ["y"], initializers: [floats("w", [terms, 1], noise(terms))] }));
    const { code, stderr, json } = await run(["audit", file, "--samples", "1", "--json"], { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(/verdicts too large for one transaction.*\[AUDIT_FAILED\]/);
    expect(json()).toMatchObject({ holds: false, totals: { falseFraud: 0, fraudMissed: 0 } });
    expect(json().totals.oversized).toBeGreaterThan(0);
    expect(json().totals.gasMax).toBeGreaterThan(16_777_216);
  });

  it.each([
    { what: "an input that the model does not have", args: [digitsFile, "--input", `picture=${sampleFile(3)}`], code: "INPUT_FLAG" },
    { what: "no samples", args: [digitsFile, "--samples", "0"], code: "USAGE" },
    { what: "a model that is not there", args: [path.join(folder, "nowhere.onnx")], code: "MODEL_NOT_FOUND" },
  ])("refuses $what", async ({ args, code }) => {
    const ran = await run(["audit", ...args], { env });
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(`[${code}]`);
  });
});
