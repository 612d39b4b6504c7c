import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";

/** Name of an operator in the tables: bare in the standard domain, with the domain before it elsewhere. */
export function operatorKey({ domain, opType }: NodeProto): string {
  return domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;
}
