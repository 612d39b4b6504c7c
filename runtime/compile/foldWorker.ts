import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "./withoutFloat16.ts";
import { InferenceSession, Tensor } from "onnxruntime-node";

interface NamedType {
  name: string;
  type: string;
  shape: number[];
}

/**
 * What the parent asks: fold a graph; run one on zeros and tell the types of its outputs; tell those that follow without a run; or compute the
 * outputs of one that has no inputs.
 */
export type FoldRequest = { id: number; model: Uint8Array } & ({ kind: "fold" } | { kind: "types"; inputs: NamedType[] } | { kind: "inferred" } | { kind: "values" });

/** What the child answers. */
export type FoldReply = { id: number } & ({ model: Uint8Array } | { types: NamedType[] } | { values: (NamedType & { bytes: Uint8Array })[] } | { error: string });

const quiet = { logSeverityLevel: 4, executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 } as const;

/**
 * Constants are folded, those behind a DequantizeLinear among them; but nothing is fused into a larger operator, which the compiler would only
 * take apart again.
 */
const foldOnly = {
  session: { disable_quant_qdq: "1" },
  optimization: { disable_specified_optimizers: "QDQPropagationTransformer;LayerNormFusion;GeluFusion;GeluFusionL1;LayerNormFusionL1;RMSNormFusion" },
};

const zeros: Readonly<Record<string, (count: number) => unknown>> = {
  float32: (count) => new Float32Array(count),
  float16: (count) => new Uint16Array(count),
  float64: (count) => new Float64Array(count),
  uint8: (count) => new Uint8Array(count),
  int8: (count) => new Int8Array(count),
  uint16: (count) => new Uint16Array(count),
  int16: (count) => new Int16Array(count),
  uint32: (count) => new Uint32Array(count),
  int32: (count) => new Int32Array(count),
  uint64: (count) => new BigUint64Array(count),
  int64: (count) => new BigInt64Array(count),
  bool: (count) => new Uint8Array(count),
};

async function fold(model: Uint8Array): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "gainsay-fold-"));
  try {
    const optimizedModelFilePath = join(folder, "model.onnx");
    const session = await InferenceSession.create(model, { ...quiet, graphOptimizationLevel: "basic", optimizedModelFilePath, extra: foldOnly });
    await session.release();
    return new Uint8Array(readFileSync(optimizedModelFilePath));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function types(model: Uint8Array, inputs: readonly NamedType[]): Promise<NamedType[]> {
  const session = await InferenceSession.create(model, { ...quiet, graphOptimizationLevel: "disabled" });
  const feeds: Record<string, Tensor> = {};
  for (const { name, type, shape } of inputs) {
    const make = zeros[type];
    if (make === undefined) throw new Error(`inputs of type ${type} cannot be run`);
    const elements = make(shape.reduce((product, size) => product * size, 1));
    // The constructor is overloaded by element type; which overload applies is known only at run time.
    feeds[name] = new Tensor(type as "float32", elements as Float32Array, shape);
  }
  const results = await session.run(feeds);
  const found = Object.entries(results).map(([name, { type, dims }]) => ({ name, type, shape: [...dims] }));
  await session.release();
  return found;
}

async function values(model: Uint8Array): Promise<(NamedType & { bytes: Uint8Array })[]> {
  const session = await InferenceSession.create(model, { ...quiet, graphOptimizationLevel: "disabled" });
  const results = await session.run({});
  const found = Object.entries(results).map(([name, { type, dims, data }]) => {
    const { buffer, byteOffset, byteLength } = data as unknown as ArrayBufferView;
    return { name, type, shape: [...dims], bytes: new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength)) };
  });
  await session.release();
  return found;
}

async function inferred(model: Uint8Array): Promise<NamedType[]> {
  const session = await InferenceSession.create(model, { ...quiet, graphOptimizationLevel: "disabled" });
  const found = session.outputMetadata.flatMap((output) => {
    if (!output.isTensor || !output.shape.every((size): size is number => typeof size === "number")) return [];
    return [{ name: output.name, type: output.type, shape: [...output.shape] }];
  });
  await session.release();
  return found;
}

process.on("message", (request: FoldRequest) => {
  const work = async (): Promise<FoldReply> => {
    if (request.kind === "fold") return { id: request.id, model: await fold(request.model) };
    if (request.kind === "values") return { id: request.id, values: await values(request.model) };
    return { id: request.id, types: request.kind === "types" ? await types(request.model, request.inputs) : await inferred(request.model) };
  };
  work().then(
    (reply) => process.send!(reply),
    (error: unknown) => process.send!({ id: request.id, error: error instanceof Error ? error.message : String(error) } satisfies FoldReply),
  );
});
process.on("disconnect", () => process.exit(0));
