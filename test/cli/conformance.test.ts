import { toBinary } from "@bufbuild/protobuf";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { TensorProtoSchema } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeTensor } from "../../protocol/onnx/tensors.ts";
import { buildOnnx, floats, noise, op } from "../support/onnxBuilder.ts";
import { sharedFolder } from "../support/onnxVectors.ts";
import { run, temporaryFolder } from "./helpers.ts";

const { folder, remove } = temporaryFolder();
afterAll(remove);
const env = { GAINSAY_HOME: path.join(folder, "home") };
const vectors = path.join(folder, "vectors");

const x = noise(64, 3);
const products = x.map((value) => Math.fround(value * 3));

function vector(name: string, model: Uint8Array, published: Float32Array): void {
  const set = path.join(vectors, "node", name, "test_data_set_0");
  mkdirSync(set, { recursive: true });
  writeFileSync(path.join(vectors, "node", name, "model.onnx"), model);
  for (const [file, values] of [["input_0.pb", x], ["output_0.pb", published]] as const) {
    writeFileSync(path.join(set, file), toBinary(TensorProtoSchema, makeTensor("", 1, [8, 8], new Uint8Array(values.slice().buffer))));
  }
}

/** y = 3·x, committed the other way round. */
const times = buildOnnx({ inputs: { x: [8, "n"] }, nodes: [op("Mul", ["x", "k"], ["z"]), op("Transpose", ["z"], ["y"])], outputs: ["y"], initializers: [floats("k", [1], [3])] });
const transposed = Float32Array.from(products, (_, i) => products[(i % 8) * 8 + Math.floor(i / 8)]!);
vector("test_times", times, transposed);
vector("test_times_slightly_wrong", times, transposed.map((value, i) => (i === 37 ? value * (1 + 2 ** -20) : value)));
vector("test_times_one_wrong", times, transposed.map((value, i) => (i === 21 ? -value : value)));
vector("test_times_understood_otherwise", times, transposed.map((value) => value + 1));
const foreign = buildOnnx({ inputs: { x: [8, 8] }, nodes: [{ ...op("Frobnicate", ["x"], ["y"]), domain: "com.example" }], outputs: ["y"] });
vector("test_foreign", foreign, x);

describe("gainsay conformance", () => {
  it("passes true outputs, fails false ones, and says what it cannot decide", async () => {
    const { code, stderr, json } = await run(["conformance", vectors, "--samples", "3", "--json"], { env });
    const report = json();
    expect(code).toBe(3);
    expect(stderr).toContain("[CONFORMANCE_FAILED]");
    expect(report.totals).toMatchObject({ passed: 1, failed: 2, unsupported: 2 });
    const failures = Object.fromEntries(report.failures.map(({ test, why }: { test: string; why: string }) => [test, why]));
    expect(Object.keys(failures)).toEqual(["node/test_times_one_wrong", "node/test_times_slightly_wrong"]);
    for (const why of Object.values(failures)) expect(why).toMatch(/published, element \d+: the honest .* is fraud/);
    expect(report.operators).toMatchObject([
      { operator: "Mul + Transpose", passed: 1, failed: 2, unsupported: 1, reasons: [{ why: expect.stringMatching(/^ONNX Runtime's CPU provider does not pass the vector/), tests: ["node/test_times_understood_otherwise"] }] },
      { operator: "com.example.Frobnicate", passed: 0, failed: 0, unsupported: 1, reasons: [{ why: expect.stringMatching(/com\.example\.Frobnicate/) }] },
    ]);
  });

  it("runs only the tests asked for", async () => {
    const { code, stdout } = await run(["conformance", vectors, "--only", "*/test_times"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Mul \+ Transpose +1 +0 +0/m);
    expect(stdout).toContain("1 passed, 0 failed, 0 unsupported");
  });

  it.each([{ args: [path.join(folder, "home")] }, { args: [vectors, "--only", "nothing"] }, { args: [folder + "/nowhere"] }])("refuses a folder without vectors: $args", async ({ args }) => {
    mkdirSync(path.join(folder, "home"), { recursive: true });
    const ran = await run(["conformance", ...args], { env });
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toMatch(/\[(VECTORS_MISSING|FILE_NOT_READABLE)\]/);
  });

  const shared = path.join(sharedFolder, "onnx-vectors");
  const present = existsSync(shared);
  it.skipIf(!present).each(["node/test_maxpool_2d_p", "node/test_matmul_*d"])(`passes vectors of the ONNX project: %s${present ? "" : " (skipped: no shared/onnx-vectors beside the checkout)"}`, async (only) => {
    const { code, json } = await run(["conformance", shared, "--only", only, "--samples", "2", "--json"], { env });
    expect(code).toBe(0);
    expect(json().totals).toMatchObject({ failed: 0, unsupported: 0 });
    expect(json().totals.passed).toBeGreaterThan(1);
  });
});
