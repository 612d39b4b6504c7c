import { fromBinary } from "@bufbuild/protobuf";
import { TensorProtoSchema, type TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { tensorBytes, tensorShape } from "../../protocol/onnx/tensors.ts";
import { badInput, type RawDtype, type RawTensor } from "./rawTensor.ts";

const types: Readonly<Record<number, RawDtype>> = {
  1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
  9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
};

/** Reads an ONNX `TensorProto` file, as the conformance vectors and model zoos have them. Throws `INPUT_MALFORMED`. */
export function parseTensorPb(file: string, content: Uint8Array): RawTensor {
  let tensor: TensorProto;
  try {
    tensor = fromBinary(TensorProtoSchema, content);
  } catch (cause) {
    throw badInput(file, "is no ONNX tensor, or is cut off", {}, cause);
  }
  const dtype = types[tensor.dataType];
  if (dtype === undefined) throw badInput(file, tensor.dataType === 0 ? "is no ONNX tensor: it names no element type" : `holds elements of ONNX type ${tensor.dataType}, which are no plain numbers`);
  if (tensor.dataLocation !== 0 || tensor.externalData.length > 0) throw badInput(file, "keeps its data in another file; save the tensor with its data inside");
  const shape = tensorShape(tensor);
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 0)) throw badInput(file, `has the impossible shape [${shape.join(", ")}]`);
  try {
    return { dtype, shape, bytes: tensorBytes(tensor) };
  } catch (cause) {
    throw badInput(file, `is cut off or inconsistent: its data does not fit its shape [${shape.join(", ")}]`, {}, cause);
  }
}
