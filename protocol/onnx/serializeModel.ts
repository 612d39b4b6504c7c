import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type ModelProto } from "./generated/onnx_pb.ts";

/** Bytes of an ONNX file. The same model gives the same bytes; fields the schema does not name are kept. */
export function serializeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}
