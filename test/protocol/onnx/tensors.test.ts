import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { TensorProtoSchema } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { floatValues, integerValues, tensorBytes } from "../../../protocol/onnx/tensors.ts";

describe("tensors", () => {
  it("reads elements from whichever field holds them", () => {
    expect([...floatValues(create(TensorProtoSchema, { dataType: 1, dims: [2n], floatData: [1.5, -2] }))]).toEqual([1.5, -2]);
    expect([...floatValues(create(TensorProtoSchema, { dataType: 1, dims: [1n], rawData: new Uint8Array([0, 0, 192, 63]) }))]).toEqual([1.5]);
    expect(integerValues(create(TensorProtoSchema, { dataType: 7, dims: [2n], int64Data: [-1n, 3n] }))).toEqual([-1, 3]);
    expect([...tensorBytes(create(TensorProtoSchema, { dataType: 3, dims: [2n], int32Data: [-1, 7] }))]).toEqual([255, 7]);
    expect([...tensorBytes(create(TensorProtoSchema, { dataType: 10, dims: [1n], int32Data: [0x3c00] }))]).toEqual([0, 0x3c]);
  });

  it("reads a message whose bytes lie inside a larger buffer", () => {
    const rawData = Buffer.from([9, 9, 0, 0, 192, 63]).subarray(2);
    expect([...floatValues(create(TensorProtoSchema, { dataType: 1, dims: [1n], rawData }))]).toEqual([1.5]);
  });

  it("refuses a length that does not fit the shape", () => {
    expect(() => tensorBytes(create(TensorProtoSchema, { name: "w", dataType: 1, dims: [3n], floatData: [1, 2] }))).toThrow(/"w".*holds 8 bytes where its shape needs 12/);
  });
});
