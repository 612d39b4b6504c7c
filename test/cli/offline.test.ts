import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { npy } from "../../cli/writeOutput.ts";
import { buildOnnx, floats, op } from "../support/onnxBuilder.ts";
import { digitsFile, gainsayFile, run, sampleFile, temporaryFolder } from "./helpers.ts";

const { folder, remove } = temporaryFolder();
afterAll(remove);
const home = path.join(folder, "home");
const env = { GAINSAY_HOME: home, GAINSAY_PASSWORD: "correct horse" };

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
}

/** A pixelwise scale of an image whose height and width are open. */
const openModel = file("open.onnx", buildOnnx({ inputs: { image: [1, 1, "h", "w"] }, nodes: [op("Mul", ["image", "k"], ["y"])], outputs: ["y"], initializers: [floats("k", [1], [2])] }));

describe("models", () => {
  it("compile to the same program each time, stored once and whole", async () => {
    const first = (await run(["model", "compile", digitsFile, "--json"], { env })).json();
    expect(first).toMatchObject({ inputs: [{ name: "image", dtype: "float32", shape: [1, 1, 28, 28] }], outputs: [{ name: "logits", shape: [1, 10] }], totals: { steps: 6, blocks: 1, traceBytes: 40, innerBytes: 47_168 } });
    expect(first.folder).toBe(path.join(home, "bundles", first.programRoot));
    const again = (await run(["model", "compile", digitsFile, "--json"], { env })).json();
    expect(again).toEqual(first);
    expect(readdirSync(path.join(home, "bundles"))).toEqual([first.programRoot]);
    expect((await run(["model", "list", "--local", "--json"], { env })).json()).toMatchObject({ models: [{ programRoot: first.programRoot, local: { steps: 6 }, registered: null }] });

    const byRoot = await run(["model", "inspect", first.programRoot.slice(0, 14), "--json"], { env });
    expect(byRoot.json()).toMatchObject({ root: first.programRoot, steps: [{ kind: "contraction", nodes: ["conv1", "relu1"], shape: [1, 8, 28, 28], taps: 9 }, ...new Array(5).fill({})] });
    const text = await run(["model", "inspect", first.folder], { env });
    expect(text.stdout).toMatch(/0 +0 inside +contraction +conv1 \+ relu1 +\[1,8,28,28\] +6272 +9 +in0 w0 \+w1/);
    expect(text.stdout).toContain("6 steps in one block, 11802 elements");
  });

  it("replace a bundle that was damaged", async () => {
    const { folder: bundle, programRoot } = (await run(["model", "compile", digitsFile, "--json"], { env })).json();
    writeFileSync(path.join(bundle, "program.json"), "{}");
    expect((await run(["model", "list", "--local", "--json"], { env })).json()).toMatchObject({ models: [{ programRoot, local: { error: "BUNDLE_MISMATCH" } }] });
    expect((await run(["model", "compile", digitsFile], { env })).code).toBe(0);
    expect((await run(["model", "inspect", programRoot], { env })).code).toBe(0);
  });

  it("take shapes that the file leaves open", async () => {
    const missing = await run(["model", "compile", openModel], { env });
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toMatch(/--shape image=1x1x1x1.*\[MODEL_SHAPE\]/);
    const given = await run(["model", "compile", openModel, "--shape", "image=1,1,4,6", "--out", path.join(folder, "out"), "--json"], { env });
    expect(given.json()).toMatchObject({ outputs: [{ shape: [1, 1, 4, 6] }] });
    expect(readdirSync(path.join(folder, "out"))).toEqual([given.json().programRoot]);
  });

  const digits = readFileSync(digitsFile);
  it.each([
    { what: "a missing file", model: path.join(folder, "nowhere.onnx"), code: "FILE_NOT_READABLE" },
    { what: "a picture", model: sampleFile(3), code: /^MODEL_/ },
    { what: "an empty file", model: file("empty.onnx", ""), code: /^MODEL_/ },
    { what: "a truncated file", model: file("cut.onnx", digits.subarray(0, 60_000)), code: /^MODEL_/ },
    { what: "an unsupported operator", model: file("fft.onnx", buildOnnx({ inputs: { x: [4] }, nodes: [op("Det", ["x"], ["y"])], outputs: ["y"] })), code: /^MODEL_/ },
    { what: "a shape that does not fit", model: digitsFile, flags: ["--shape", "image=1,3,28,28"], code: "MODEL_SHAPE" },
    { what: "a shape of an unknown input", model: digitsFile, flags: ["--shape", "pixels=1"], code: "MODEL_SHAPE" },
  ])("refuse $what in one sentence with code 2", async ({ model, flags, code }) => {
    const ran = await run(["model", "compile", model, ...(flags ?? []), "--json"], { env });
    expect(ran.code).toBe(2);
    expect(ran.json().error.code).toMatch(code);
    expect(ran.json().error.message).toMatch(/^[A-Z].*\.$/s);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  it("are not found where there is none", async () => {
    for (const model of ["0x0123456789", path.join(folder, "nothing"), folder]) {
      expect((await run(["model", "inspect", model, "--json"], { env })).json().error.code).toBe("MODEL_NOT_FOUND");
    }
  });
});

describe("inputs of a job", () => {
  const wrongShape = file("shape.npy", npy({ name: "x", dtype: 1, shape: [1, 3, 28, 28], data: new Float32Array(3 * 784) }));
  const right = npy({ name: "x", dtype: 1, shape: [1, 1, 28, 28], data: new Float32Array(784) });
  it.each([
    { what: "a missing file", input: path.join(folder, "none.png"), code: "INPUT_UNREADABLE" },
    { what: "a wrong shape", input: wrongShape, code: "INPUT_MISMATCH" },
    { what: "a dtype that is no number", input: file("text.npy", Buffer.from(Buffer.from(right).toString("latin1").replace("<f4", "<U1"), "latin1")), code: "INPUT_MALFORMED" },
    { what: "a truncated file", input: file("cut.npy", right.subarray(0, 1000)), code: "INPUT_MALFORMED" },
    { what: "an unknown kind of file", input: file("x.txt", "hello"), code: "INPUT_MALFORMED" },
    { what: "an unknown input", input: `pixels=${sampleFile(1)}`, code: "INPUT_FLAG" },
  ])("$what: one sentence and code 2, before anything is sent", async ({ input, code }) => {
    const ran = await run(["job", "submit", digitsFile, "--input", input, "--json"], { env });
    expect(ran.code).toBe(2);
    expect(ran.json().error.code).toBe(code);
  });

  it("are given once each", async () => {
    const ran = await run(["job", "submit", digitsFile, "--input", sampleFile(1), "--input", `image=${sampleFile(2)}`, "--json"], { env });
    expect(ran.json().error).toMatchObject({ code: "INPUT_FLAG", message: expect.stringContaining("twice") });
  });
});

describe("keys", () => {
  const key = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

  it("are made, imported and listed, encrypted", async () => {
    const made = (await run(["keys", "new", "alice", "--json"], { env })).json();
    expect(made).toMatchObject({ name: "alice", address: expect.stringMatching(/^0x[0-9a-fA-F]{40}$/) });
    const imported = await run(["keys", "import", "bob", "--json"], { env, stdin: `${key}\n` });
    expect(imported.json()).toMatchObject({ name: "bob", address: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" });
    expect(readFileSync(imported.json().file, "utf8")).not.toContain(key.slice(2));
    expect((await run(["keys", "list", "--json"], { env })).json().keys.map(({ name }: { name: string }) => name)).toEqual(["alice", "bob"]);
    const again = await run(["keys", "new", "alice", "--json"], { env });
    expect([again.code, again.json().error.code]).toEqual([2, "FILE_EXISTS"]);
  });

  it("are refused where they are no keys, without repeating them", async () => {
    const ran = await run(["keys", "import", "eve", "--json"], { env, stdin: `${key}ff` });
    expect([ran.code, ran.json().error.code]).toEqual([2, "KEY_MALFORMED"]);
    expect(ran.stdout + ran.stderr).not.toContain(key.slice(2, 20));
  });

  it("need a password from somewhere", async () => {
    const ran = await run(["keys", "new", "carol", "--json"], { env: { GAINSAY_HOME: home } });
    expect([ran.code, ran.json().error.code]).toEqual([2, "KEY_PASSWORD_MISSING"]);
  });
});

describe("configuration", () => {
  it("is shown with where each value came from", async () => {
    const other = path.join(folder, "configured");
    mkdirSync(other);
    writeFileSync(path.join(other, "config.json"), JSON.stringify({ confirmations: 3, chainId: 5 }));
    const ran = await run(["config", "show", "--json", "--chain-id", "7"], { env: { GAINSAY_HOME: other, GAINSAY_KEY: "alice" } });
    expect(ran.json().settings).toMatchObject({
      home: { value: other, origin: { from: "environment" } },
      chainId: { value: 7, origin: { from: "flag" } },
      confirmations: { value: 3, origin: { from: "file" } },
      key: { value: "alice", origin: { from: "environment", name: "GAINSAY_KEY" } },
      rpcUrls: { value: ["http://127.0.0.1:8545"], origin: { from: "default" }, env: "GAINSAY_RPC_URL" },
    });
  });
});

describe("without a chain", () => {
  it("says that there is no deployment, or that the endpoint does not answer", async () => {
    const none = await run(["job", "list", "--json", "--chain-id", "1"], { env });
    expect([none.code, none.json().error.code]).toEqual([2, "DEPLOYMENT_NOT_FOUND"]);
    mkdirSync(path.join(home, "deployments"), { recursive: true });
    const address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    writeFileSync(path.join(home, "deployments", "31337.json"), JSON.stringify({ chainId: 31337, block: "0", contracts: { stakes: address, models: address, jobs: address, disputes: address, judge: address } }));
    const dead = await run(["job", "status", "1", "--json", "--rpc", "http://127.0.0.1:1"], { env });
    expect([dead.code, dead.json().error.code, dead.json().error.retryable]).toEqual([75, "CHAIN_UNREACHABLE", true]);
    expect(dead.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

it("runs as a program of its own", async () => {
  const { stdout } = await promisify(execFile)(gainsayFile, ["keys", "list", "--json"], { env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}`, GAINSAY_HOME: path.join(folder, "empty") } });
  expect(JSON.parse(stdout)).toEqual({ keys: [] });
});
