import { describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { buildOnnx, floats, op } from "../../support/onnxBuilder.ts";

const relu = (): Uint8Array => buildOnnx({ inputs: { x: [2] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] });

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof GainsayError) return error.code;
    throw error;
  }
  return "none";
}

describe("parseModel", () => {
  it("reads what serializeModel writes, byte for byte", () => {
    expect(serializeModel(parseModel(relu())).length).toBeGreaterThan(0);
    const again = serializeModel(parseModel(relu()));
    expect(serializeModel(parseModel(again))).toEqual(again);
  });

  it("keeps fields that the schema does not name", () => {
    // Field 20 of ModelProto (training_info) with two bytes that are an empty message of its own field 1.
    const extended = new Uint8Array([...relu(), (20 << 3) & 0x7f | 0x80 | 2, 1, 2, 0x0a, 0x00]);
    expect(Buffer.from(serializeModel(parseModel(extended))).toString("hex")).toContain("a201020a00");
  });

  it("refuses bytes that are no model", () => {
    expect(codeOf(() => parseModel(new Uint8Array(0)))).toBe("MODEL_NOT_ONNX");
    expect(codeOf(() => parseModel(new TextEncoder().encode("%PDF-1.4 something else")))).toBe("MODEL_NOT_ONNX");
    expect(codeOf(() => parseModel(new TextEncoder().encode("{\"json\":true}")))).toBe("MODEL_NOT_ONNX");
    expect(codeOf(() => parseModel(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a])))).toBe("MODEL_NOT_ONNX");
    expect(codeOf(() => parseModel(new Uint8Array([0x08, 0x0a])))).toBe("MODEL_NOT_ONNX");
  });

  it("says of every proper prefix that it ends early or is no model", () => {
    const bytes = relu();
    const codes = new Set(Array.from({ length: bytes.length }, (_, length) => codeOf(() => parseModel(bytes.subarray(0, length)))));
    codes.delete("MODEL_DOMAIN");
    expect([...codes].sort()).toEqual(["MODEL_NOT_ONNX", "MODEL_TRUNCATED"]);
    expect(codeOf(() => parseModel(bytes.subarray(0, Math.floor(bytes.length * 0.7))))).toBe("MODEL_TRUNCATED");
  });

  it("refuses versions out of range", () => {
    const build = (versions: { opset?: number; irVersion?: number }) => () => parseModel(buildOnnx({ inputs: { x: [2] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"], ...versions }));
    expect(codeOf(build({ opset: 28 }))).toBe("MODEL_OPSET");
    expect(codeOf(build({ opset: 26 }))).toBe("none");
    expect(codeOf(build({ irVersion: 14 }))).toBe("MODEL_IR_VERSION");
    expect(codeOf(build({ irVersion: 2 }))).toBe("MODEL_IR_VERSION");
  });

  it("reads the next opset where none of its operators is new", () => {
    const build = (name: string, inputs: string[]) => buildOnnx({ inputs: { x: [] }, nodes: [op(name, inputs, ["y"])], outputs: ["y"], opset: 27 });
    expect(Number(parseModel(build("Relu", ["x"])).opsetImport[0]!.version)).toBe(26);
    expect(codeOf(() => parseModel(build("Range", ["x", "x", "x"])))).toBe("MODEL_OPSET");
  });

  it("refuses weights kept in other files", () => {
    const weight = floats("w", [2], [1, 2]);
    weight.dataLocation = 1;
    const bytes = buildOnnx({ inputs: { x: [2] }, nodes: [op("Add", ["x", "w"], ["y"])], outputs: ["y"], initializers: [weight] });
    expect(codeOf(() => parseModel(bytes))).toBe("MODEL_EXTERNAL_DATA");
  });

  it("gives each node a name of its own", () => {
    const nodes = [op("Relu", ["x"], ["a"]), op("Relu", ["a"], ["b"]), op("Neg", ["b"], ["y"])];
    nodes[1]!.name = "Relu:a";
    nodes[2]!.name = "Relu:a";
    const names = parseModel(buildOnnx({ inputs: { x: [2] }, nodes, outputs: ["y"] })).graph.node.map(({ name }) => name);
    expect(names).toEqual(["Relu:a#2", "Relu:a", "Neg:y"]);
  });
});
