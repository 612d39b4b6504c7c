import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { loadForeign } from "../../../protocol/foreign.ts";
import { makeNode } from "../../../protocol/onnx/graphs.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { dtypes, type Dtype } from "../../../protocol/program/types.ts";
import { createArena } from "../../../runtime/inference/alignedMemory.ts";
import { loadBinding } from "../../../runtime/inference/loadBinding.ts";
import { loadLibrary } from "../../../runtime/inference/loadLibrary.ts";
import { loadRuntime, type OnnxRuntime } from "../../../runtime/inference/onnxRuntime.ts";
import { createNativeSession } from "../../../runtime/inference/nativeSession.ts";
import { sessionOptions } from "../../../runtime/inference/sessionOptions.ts";
import { tensorByteLength } from "../../../runtime/inference/tensorTypes.ts";
import type { TensorBytes } from "../../../runtime/inference/types.ts";
import { floats, modelOf, reluModel } from "./smallModels.ts";

vi.mock("../../../runtime/inference/loadLibrary.ts", { spy: true });

const options = sessionOptions("cpu", 1, "disabled", {});
const folder = mkdtempSync(path.join(tmpdir(), "gainsay-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A model of a dimension that is not fixed: y = relu(x), z = indices of what is not 0. */
function openShape(): Uint8Array {
  const model = parseModel(modelOf([["x", 1, [1, 4]]], [makeNode("Relu", ["x"], ["y"]), makeNode("NonZero", ["x"], ["z"])], [["y", 1, [1, 4]], ["z", 7, [2, 4]]]));
  const open = (at: number, axis: number, name: string) => void ([...model.graph.input, ...model.graph.output][at]!.type!.tensorType!.shape!.dim[axis]!.value = { case: "dimParam", value: name });
  open(0, 0, "batch");
  open(1, 0, "batch");
  open(2, 1, "");
  return serializeModel(model);
}

const tensor = (shape: readonly number[], bytes: Uint8Array, dtype: Dtype = 1): TensorBytes => ({ dtype, shape, bytes });
const given = (results: readonly TensorBytes[]) => results.map(({ dtype, shape, bytes }) => ({ dtype, shape: [...shape], bytes: [...bytes] }));

const binding = await loadBinding();
/** Where the C interface has to be there. */
const possible = process.platform !== "win32" && loadForeign() !== undefined;

describe.each<[string, OnnxRuntime | undefined, boolean]>([["the C interface", loadLibrary(), possible], ["the binding", binding, true]])("ONNX Runtime by %s", (_, runtime, there) => {
  const test = it.skipIf(!there);
  const open = (model: Uint8Array | string, settings = options) => (runtime as OnnxRuntime).open(model, settings);

  test("says what it is", () => {
    expect(runtime?.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(runtime?.providers[0]).toBe("cpu");
    expect(new Set(runtime?.providers)).toEqual(new Set(binding.providers));
  });

  test("reads a model from memory and from a file, and says what goes in and out", () => {
    const file = path.join(folder, "open shäpe.onnx");
    writeFileSync(file, openShape());
    for (const session of [open(openShape()), open(file)]) {
      expect(session.info).toEqual({ inputs: [{ name: "x", dtype: 1, shape: ["batch", 4] }], outputs: [{ name: "y", dtype: 1, shape: ["batch", 4] }, { name: "z", dtype: 7, shape: [2, ""] }] });
      session.release();
    }
  });

  test("gives outputs the shapes that they turn out to have, also such without elements", () => {
    const session = open(openShape());
    expect(given(session.run([tensor([2, 4], floats(1, -1, 0, 2, 0, 0, 0, 3))]))).toEqual([
      { dtype: 1, shape: [2, 4], bytes: [...floats(1, 0, 0, 2, 0, 0, 0, 3)] },
      { dtype: 7, shape: [2, 4], bytes: [...new Uint8Array(BigInt64Array.of(0n, 0n, 0n, 1n, 0n, 1n, 3n, 3n).buffer)] },
    ]);
    expect(given(session.run([tensor([1, 4], floats(0, 0, 0, 0))]))[1]).toEqual({ dtype: 7, shape: [2, 0], bytes: [] });
    expect(given(session.run([tensor([0, 4], new Uint8Array(0))]))).toEqual([{ dtype: 1, shape: [0, 4], bytes: [] }, { dtype: 7, shape: [2, 0], bytes: [] }]);
    session.release();
  });

  test.each(Object.entries(dtypes).filter(([name]) => name !== "bfloat16"))("reads and writes %s", (_name, dtype) => {
    const session = open(modelOf([["x", dtype, [3]]], [makeNode("Identity", ["x"], ["y"])], [["y", dtype, [3]]]));
    const bytes = Uint8Array.from({ length: tensorByteLength(dtype, [3]) }, (_value, i) => (i + 1) % 2);
    expect(given(session.run([tensor([3], bytes, dtype)]))).toEqual([{ dtype, shape: [3], bytes: [...bytes] }]);
    session.release();
  });

  test("writes outputs to the places that it got, time and again, from inputs that change or are others", () => {
    const session = open(reluModel(1, [2]));
    const places = [createArena(64).take(8), createArena(64).take(8)] as [Uint8Array, Uint8Array];
    const runs = places.map((bytes) => session.into([tensor([2], bytes)]));
    const input = floats(1, -1);
    runs[0]?.([tensor([2], input)]);
    expect([...places[0]]).toEqual([...floats(1, 0)]);
    input.set(floats(-2, 2));
    runs[0]?.([tensor([2], input)]);
    expect([...places[0]]).toEqual([...floats(0, 2)]);
    runs[1]?.([tensor([2], floats(5, 6))]);
    expect([[...places[0]], [...places[1]]]).toEqual([[...floats(0, 2)], [...floats(5, 6)]]);
    session.release();
  });

  test("says what is wrong, and goes on", () => {
    expect(() => open(new Uint8Array([1, 2, 3]))).toThrow(/protobuf/i);
    expect(() => open(path.join(folder, "missing.onnx"))).toThrow(/missing\.onnx/);
    const session = open(reluModel(1, [2]));
    expect(() => session.run([tensor([3], floats(1, 2, 3))])).toThrow(/dimensions/i);
    expect(() => session.into([tensor([3], new Uint8Array(12))])([tensor([2], floats(1, 2))])).toThrow(/output: y/);
    const fits = tensor([2], floats(1, -2));
    const works = () => expect(given(session.run([fits]))).toEqual([{ dtype: 1, shape: [2], bytes: [...floats(1, 0)] }]);
    works();
    expect(() => session.run([tensor([2], floats(1))])).toThrow();
    works();
    session.release();
    expect(() => session.run([tensor([2], floats(1, 2))])).toThrow();
    expect(() => open(modelOf([["x", 11, [2]]], [makeNode("Relu", ["x"], ["y"])], [["y", 11, [2]]]))).toThrow(expect.objectContaining({ code: "DTYPE_UNSUPPORTED" }));
    expect(() => open(modelOf([["x", 1, [2]]], [makeNode("SequenceConstruct", ["x"], ["y"])], [["y", 1, [2]]]))).toThrow();
  });

  test("does as its options say", () => {
    const saved = path.join(folder, `saved-${_.length}.onnx`);
    const twice = modelOf([["x", 1, [2]]], [makeNode("Identity", ["x"], ["a"]), makeNode("Relu", ["a"], ["b"]), makeNode("Identity", ["b"], ["y"])], [["y", 1, [2]]]);
    open(twice, sessionOptions("cpu", 2, "all", { saveOptimizedTo: saved })).release();
    expect(parseModel(new Uint8Array(readFileSync(saved))).graph.node.map(({ opType }) => opType)).toEqual(["Relu"]);
    open(twice, sessionOptions("cpu", 1, "all", { saveOptimizedTo: saved, disabledOptimizers: ["EliminateIdentity"] })).release();
    expect(parseModel(new Uint8Array(readFileSync(saved))).graph.node.map(({ opType }) => opType)).toContain("Identity");
  });

  test("is one for sessions whose outputs have other shapes than they declare", () => {
    const model = parseModel(reluModel(1, [4]));
    model.graph.output[0]!.type!.tensorType!.shape!.dim[0]!.value = { case: "dimValue", value: 3n };
    const session = createNativeSession(runtime as OnnxRuntime, serializeModel(model), options, createArena(64));
    for (let time = 0; time < 2; time++) {
      const { bytes, outputs } = session.run([floats(1, -1, 2, -2)]);
      expect([...(bytes[0] as Uint8Array)]).toEqual([...floats(1, 0, 2, 0)]);
      expect(outputs).toEqual([{ name: "y", dtype: 1, shape: [4] }]);
    }
    session.release();
  });
});

describe("loadRuntime", () => {
  it.skipIf(!possible)("takes the C interface for the processor, and the binding for what is no processor", async () => {
    const said: string[] = [];
    vi.mocked(loadLibrary).mockClear();
    await loadRuntime("cuda", (text) => said.push(text));
    expect(loadLibrary).not.toHaveBeenCalled();
    const runtime = await loadRuntime("cpu", (text) => said.push(text));
    expect(vi.mocked(loadLibrary).mock.results[0]?.value).toBe(runtime);
    expect(said).toEqual([]);
  });

  it("takes the binding where the C interface cannot be had, and says so where it should be", async () => {
    const said: string[] = [];
    vi.mocked(loadLibrary).mockReturnValueOnce(undefined);
    const plain = await loadRuntime("cpu", (text) => said.push(text));
    expect(said).toEqual([]);
    vi.mocked(loadLibrary).mockImplementationOnce(() => {
      throw new Error("no such table");
    });
    const other = await loadRuntime("cpu", (text) => said.push(text));
    expect(said).toEqual([expect.stringContaining("no such table")]);
    for (const runtime of [plain, other]) {
      const session = runtime.open(reluModel(1, [2]), options);
      expect(given(session.run([tensor([2], floats(3, -3))]))).toEqual([{ dtype: 1, shape: [2], bytes: [...floats(3, 0)] }]);
      session.release();
    }
  });
});
