import { fromBinary } from "@bufbuild/protobuf";
import { GainsayError } from "../errors.ts";
import { changeOpset } from "./changeOpset.ts";
import { ModelProtoSchema, type GraphProto, type ModelProto, type NodeProto } from "./generated/onnx_pb.ts";
import { MAX_IR_VERSION, MAX_OPSET, MIN_IR_VERSION } from "./limits.ts";

/** A model whose graph is present and whose nodes all have names of their own. */
export type Model = ModelProto & { graph: GraphProto };

/**
 * Reads an ONNX file.
 *
 * Throws `MODEL_NOT_ONNX` for bytes that are no ONNX model, `MODEL_TRUNCATED` where the file ends early, `MODEL_IR_VERSION` and
 * `MODEL_OPSET` for versions out of range, `MODEL_EXTERNAL_DATA` for weights kept in other files, and `MODEL_DOMAIN` for functions of
 * the model's own. Models of opsets before 7 are brought to opset 7. Nodes without a name, or with one that is taken, get one made of operator and output.
 */
export function parseModel(bytes: Uint8Array): Model {
  checkFraming(bytes);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw notOnnx("The file is not an ONNX model: its protobuf encoding is damaged.", cause);
  }
  if (model.graph === undefined) throw notOnnx("The file is not an ONNX model: it has no graph.");
  nameNodes(model.graph.node);
  changeOpset(model as Model);
  checkVersions(model);
  if (model.$unknown?.some((field) => field.no === 25)) {
    throw new GainsayError("The model defines functions of its own; inline them before compiling (onnx.inliner does it).", { code: "MODEL_DOMAIN", kind: "usage" });
  }
  checkStorage(model.graph);
  return model as Model;
}

/** Walks the outermost fields, because "ends early" and "never was a model" deserve different sentences. */
function checkFraming(bytes: Uint8Array): void {
  if (bytes.length === 0) throw notOnnx("The file is empty, not an ONNX model.");
  let known = false;
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[position++];
      if (byte === undefined) throw truncated(bytes.length, known);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw notOnnx("The file is not an ONNX model: its protobuf encoding is damaged.");
  };
  while (position < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const expected = topLevelWireTypes[field];
    if (expected === undefined || expected !== tag % 8) throw notOnnx("The file is not an ONNX model: its protobuf encoding does not fit.");
    if (expected === 0) varint();
    else {
      const length = varint();
      if (field === 7 || field === 8) known = true;
      if (position + length > bytes.length) throw truncated(bytes.length, known);
      position += length;
    }
    if (field === 1) known = true;
  }
}

/** Wire types of the fields of ModelProto: 0 varint, 2 length-delimited. */
const topLevelWireTypes: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2 };

function truncated(byteLength: number, known: boolean): GainsayError {
  if (!known) return notOnnx("The file is not an ONNX model.");
  return new GainsayError("The ONNX file ends early; fetch it again.", { code: "MODEL_TRUNCATED", kind: "usage", details: { byteLength } });
}

function notOnnx(message: string, cause?: unknown): GainsayError {
  return new GainsayError(message, { code: "MODEL_NOT_ONNX", kind: "usage", ...(cause === undefined ? {} : { cause }) });
}

function checkVersions(model: ModelProto): void {
  const irVersion = Number(model.irVersion);
  if (irVersion < MIN_IR_VERSION || irVersion > MAX_IR_VERSION) {
    throw new GainsayError(`The model has ONNX IR version ${irVersion}; export it with one from ${MIN_IR_VERSION} to ${MAX_IR_VERSION}.`, {
      code: "MODEL_IR_VERSION",
      kind: "usage",
      details: { irVersion, supported: [MIN_IR_VERSION, MAX_IR_VERSION] },
    });
  }
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (opset === undefined) {
    throw new GainsayError("The model imports no operator set of the default domain; only standard ONNX operators can be compiled.", { code: "MODEL_DOMAIN", kind: "usage" });
  }
  const version = Number(opset.version);
  if (version < 1 || version > MAX_OPSET) {
    throw new GainsayError(`The model uses opset ${version}; export it with opset ${MAX_OPSET} or older.`, { code: "MODEL_OPSET", kind: "usage", details: { opset: version, newest: MAX_OPSET } });
  }
}

function checkStorage(graph: GraphProto): void {
  if (graph.sparseInitializer.length > 0) {
    throw new GainsayError("The model has sparse initialisers; store them densely.", { code: "MODEL_SPARSE", kind: "usage" });
  }
  const external = graph.initializer.filter((tensor) => tensor.dataLocation === 1 || tensor.externalData.length > 0).map(({ name }) => name);
  if (external.length > 0) {
    throw new GainsayError("The model keeps weights in other files; save it as one file with the weights inside.", {
      code: "MODEL_EXTERNAL_DATA",
      kind: "usage",
      details: { initializers: external.slice(0, 20), count: external.length },
    });
  }
}

function nameNodes(nodes: NodeProto[]): void {
  const taken = new Set<string>();
  for (const node of nodes) if (node.name !== "") taken.add(node.name);
  const seen = new Set<string>();
  for (const node of nodes) {
    if (node.name !== "" && !seen.has(node.name)) {
      seen.add(node.name);
      continue;
    }
    const base = `${node.opType}:${node.output.find((name) => name !== "") ?? ""}`;
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}#${i}`;
    taken.add(name);
    seen.add(name);
    node.name = name;
  }
}
