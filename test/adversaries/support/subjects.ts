import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { digits, openModel, type OpenedModel } from "../../e2e/support/openModel.ts";
import { buildOnnx, floats, int64s, noise, op } from "../../support/onnxBuilder.ts";

/** A program, one input, and its honest execution. */
export interface Subject {
  name: string;
  opened: OpenedModel;
  loaded: LoadedProgram;
  honest: Trace;
  weight(index: number): CommittedTensor;
}

export async function openDigits(): Promise<Subject> {
  return subjectOf("digits", await openModel(digits));
}

/** Rows that the gather may pick: the executors' self-test asks for those below 10. */
const ROWS = 12;

/** A small program with a step of each kind: map, contraction, normalisation, gather, reduction, movement. */
export async function openKinds(): Promise<Subject> {
  const folder = await mkdtemp(path.join(tmpdir(), "gainsay-kinds-"));
  try {
    const model = buildOnnx({
      inputs: { x: [ROWS, 16], rows: [3] },
      inputTypes: { rows: 7 },
      nodes: [
        op("Sigmoid", ["x"], ["gate"]),
        op("Mul", ["gate", "x"], ["mapped"]),
        op("MatMul", ["mapped", "w"], ["product"]),
        op("Softmax", ["product"], ["shares"], { axis: { int: 1 } }),
        op("Gather", ["shares", "rows"], ["picked"], { axis: { int: 0 } }),
        op("ReduceMax", ["product"], ["largest"], { keepdims: { int: 1 } }),
        op("Expand", ["largest", "row"], ["wide"]),
        op("Concat", ["picked", "wide"], ["joined"], { axis: { int: 0 } }),
        op("MatMul", ["joined", "v"], ["y"]),
      ],
      initializers: [floats("w", [16, 16], noise(256, 3)), floats("v", [16, 5], noise(80, 4)), int64s("row", [1, 16])],
      outputs: ["y"],
    });
    const file = path.join(folder, "kinds.onnx");
    await writeFile(file, model);
    return await subjectOf("kinds", await openModel({ name: "kinds", file, input: file, present: true }, [bytesOf(noise(ROWS * 16, 5)), new Uint8Array(BigInt64Array.from([2n, 0n, 3n]).buffer)]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);

async function subjectOf(name: string, opened: OpenedModel): Promise<Subject> {
  const loaded = await opened.load();
  return { name, opened, loaded, honest: await loaded.execute(opened.inputs), weight: await loaded.weights() };
}
