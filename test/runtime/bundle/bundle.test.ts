import { mkdtemp, readFile, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { permuteBytes } from "../../../protocol/lowering/layout.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { createBundleMemory } from "../../../runtime/bundle/createBundleMemory.ts";
import { checkBundles } from "../../../runtime/bundle/checkBundles.ts";
import { manifestHash } from "../../../runtime/bundle/bundleFiles.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { weightBytes } from "../../../runtime/bundle/weightBytes.ts";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { buildOnnx, floats, noise, op } from "../../support/onnxBuilder.ts";

let bundle: Bundle;
let folder: string;
const kernel = noise(2 * 3 * 2 * 2);
const runner = createFoldRunner();

beforeAll(async () => {
  const modelBytes = buildOnnx({
    inputs: { x: [1, 3, 5, 5] },
    initializers: [floats("w", [2, 3, 2, 2], kernel), floats("b", [2], [1, -1])],
    nodes: [op("Conv", ["x", "w", "b"], ["c"]), op("Relu", ["c"], ["r"]), op("MaxPool", ["r"], ["y"], { kernel_shape: { ints: [2, 2] } })],
    outputs: ["y"],
  });
  bundle = await compileModel({ modelBytes }, { runner });
});
afterAll(() => runner.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gainsay-bundle-"));
  await writeBundle(folder, bundle);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Changes program.json and makes the manifest agree with it. */
async function rewriteProgram<Tables>(change: (program: Tables) => void): Promise<void> {
  const program = JSON.parse(await readFile(join(folder, "program.json"), "utf8")) as Tables;
  change(program);
  const bytes = Buffer.from(JSON.stringify(program));
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as { files: Record<string, unknown> };
  manifest.files["program.json"] = { bytes: bytes.length, sha256: toHex(sha256(bytes)) };
  await writeFile(join(folder, "program.json"), bytes);
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}

describe("bundles", () => {
  it("are read as they were written, and leave no other files", async () => {
    const read = await readBundle(folder);
    expect(read.program).toEqual(bundle.program);
    expect(Buffer.from(read.model).equals(bundle.model)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(["manifest.json", "model.onnx", "program.json"]);
    expect(toHex(sha256(await readFile(join(folder, "manifest.json"))))).toBe(manifestHash(bundle));
  });

  it("are replaced when written again", async () => {
    await writeBundle(folder, bundle);
    expect((await readBundle(folder)).program.root).toBe(bundle.program.root);
  });

  it("materialise weights in commit order, with the roots the program names", () => {
    const index = bundle.program.weights.findIndex(({ name }) => name === "w");
    expect(bundle.program.weights[index]!.perm).toEqual([0, 2, 3, 1]);
    expect(Buffer.from(weightBytes(bundle, index)).equals(permuteBytes(new Uint8Array(kernel.buffer), 4, [2, 3, 2, 2], [0, 2, 3, 1]))).toBe(true);
    bundle.program.weights.forEach(({ root }, k) => expect(toHex(tensorRoot(weightBytes(bundle, k)))).toBe(root));
    expect(() => weightBytes(bundle, 99)).toThrow(/no weight 99/);
  });

  it("leave the model on disk until it is asked for, and notice if it is another by then", async () => {
    const read = await readBundle(folder);
    const file = join(folder, "model.onnx");
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([bytes, Buffer.from([0])]));
    expect(() => read.model).toThrow(expect.objectContaining({ code: "BUNDLE_MISMATCH" }) as Error);
    await unlink(file);
    expect(() => weightBytes(read, 0)).toThrow(expect.objectContaining({ code: "BUNDLE_MISSING" }) as Error);
    await writeFile(file, bytes);
    expect(Buffer.from(read.model).equals(bundle.model)).toBe(true);
  });

  it.each(["manifest.json", "model.onnx", "program.json"])("name a missing %s", async (file) => {
    await unlink(join(folder, file));
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MISSING", details: { file } });
  });

  it.each(["model.onnx", "program.json"])("notice one changed byte of %s", async (file) => {
    const bytes = await readFile(join(folder, file));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder, file), bytes);
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file } });
  });

  it("notice a manifest that is damaged or names another program", async () => {
    const text = await readFile(join(folder, "manifest.json"), "utf8");
    await writeFile(join(folder, "manifest.json"), text.slice(0, 40));
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MALFORMED", details: { file: "manifest.json" } });
    await writeFile(join(folder, "manifest.json"), text.replace(bundle.program.root, `0x${"11".repeat(32)}`));
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file: "manifest.json" } });
  });

  it.each([[2, "update this program"], [0, "compile the model again"]])("of format %i say what to do", async (format, advice) => {
    const text = await readFile(join(folder, "manifest.json"), "utf8");
    await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...JSON.parse(text), format: `gainsay.bundle.${format}`, more: true }));
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_VERSION", kind: "usage", message: expect.stringContaining(advice) as string });
    await writeFile(join(folder, "manifest.json"), text);
  });

  it("notice tables that do not give the header, whatever the manifest says", async () => {
    await rewriteProgram((program: Record<string, { length: number; operands: { access: { offset: number } }[] }[]>) => {
      program["steps"]![0]!.operands[0]!.access.offset += 1;
    });
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file: "program.json" } });
  });

  it("notice tables that contradict each other though no hash covers them", async () => {
    await rewriteProgram((program: Record<string, { perm: number[] }[]>) => {
      program["trace"]![0]!.perm = [0, 0, 1, 2];
    });
    await expect(readBundle(folder)).rejects.toThrow(/tensor of step 0/);
  });

  it("name the place of a malformed value", async () => {
    await rewriteProgram((program: Record<string, { kind: unknown }[]>) => {
      program["steps"]![0]!.kind = "contraction";
    });
    await expect(readBundle(folder)).rejects.toMatchObject({ code: "BUNDLE_MALFORMED", message: expect.stringContaining("steps.0.kind") as string });
  });

  it("of a folder are all looked at, and a damaged one is named or removed", async () => {
    const home = await mkdtemp(join(tmpdir(), "gainsay-bundles-"));
    const place = join(home, bundle.program.root);
    await writeBundle(place, bundle);
    expect(await checkBundles(home)).toEqual([]);
    expect(await checkBundles(join(home, "nowhere"))).toEqual([]);
    await writeFile(join(place, "manifest.json"), "{");
    await expect(checkBundles(home)).rejects.toMatchObject({ code: "BUNDLE_MALFORMED", details: { file: "manifest.json", folder: place } });
    expect(await checkBundles(home, { discard: true })).toEqual([bundle.program.root]);
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });
});

describe("the memory of bundles", () => {
  let known: string;
  beforeEach(async () => void (known = await mkdtemp(join(tmpdir(), "gainsay-known-"))));
  afterEach(() => rm(known, { recursive: true, force: true }));

  const hashOfProgram = async (): Promise<string> => toHex(sha256(await readFile(join(folder, "program.json")))).slice(2);
  const offset = (program: Record<string, { operands: { access: { offset: number } }[] }[]>): void => void (program["steps"]![0]!.operands[0]!.access.offset += 1);

  it("gives the same program, and keeps one file for it", async () => {
    const memory = createBundleMemory(join(known, "examined"));
    expect(await memory.knows(await hashOfProgram())).toBe(false);
    expect((await readBundle(folder, { memory })).program).toEqual(bundle.program);
    expect(await readdir(join(known, "examined"))).toEqual([await hashOfProgram()]);
    expect(await memory.knows(await hashOfProgram())).toBe(true);
    const again = await readBundle(folder, { memory });
    expect(again.program).toEqual(bundle.program);
    expect(Buffer.from(again.model).equals(bundle.model)).toBe(true);
  });

  it("spares what is known the examination, and nothing else", async () => {
    const memory = createBundleMemory(known);
    await readBundle(folder, { memory });
    await rewriteProgram(offset);
    await expect(readBundle(folder, { memory })).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file: "program.json" } });
    // Only who has the memory's folder can say so of a program that is not sound.
    await memory.keep(await hashOfProgram());
    expect((await readBundle(folder, { memory })).program.steps[0]!.operands[0]!.access.offset).toBe(bundle.program.steps[0]!.operands[0]!.access.offset + 1);
  });

  it("is of no use to other files of a bundle", async () => {
    const memory = createBundleMemory(known);
    await readBundle(folder, { memory });
    const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as { root: string; files: Record<string, unknown> };
    await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, root: `0x${"11".repeat(32)}` }));
    await expect(readBundle(folder, { memory })).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file: "manifest.json" } });
    const model = Buffer.concat([await readFile(join(folder, "model.onnx")), Buffer.from([0])]);
    await writeFile(join(folder, "model.onnx"), model);
    await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, files: { ...manifest.files, "model.onnx": { bytes: model.length, sha256: toHex(sha256(model)) } } }));
    await expect(readBundle(folder, { memory })).rejects.toMatchObject({ code: "BUNDLE_MISMATCH", details: { file: "model.onnx" } });
  });

  it("forgets what other sources of the software found", async () => {
    const memory = createBundleMemory(known);
    await rewriteProgram(offset);
    await memory.keep(await hashOfProgram());
    await writeFile(join(known, await hashOfProgram()), JSON.stringify({ sources: "00".repeat(32) }));
    await expect(readBundle(folder, { memory })).rejects.toMatchObject({ code: "BUNDLE_MISMATCH" });
  });

  it("does without a folder that cannot be written", async () => {
    await writeFile(join(known, "file"), "");
    const memory = createBundleMemory(join(known, "file"));
    for (let start = 0; start < 2; start++) expect((await readBundle(folder, { memory })).program.root).toBe(bundle.program.root);
  });
});
