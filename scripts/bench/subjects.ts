import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { fixShapes } from "../../runtime/compile/fixShapes.ts";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const shared = path.join(root, "..", "shared", "models");

/** A model that is measured. */
export interface Subject {
  name: string;
  modelBytes: Uint8Array;
  shapes: Record<string, number[]>;
  /** The model as the baseline runs it: shapes fixed, and initialisers off the list of inputs, where they would keep ONNX Runtime from folding them. */
  plainBytes: Uint8Array;
}

const files: readonly { name: string; file: string; shapes?: Record<string, number[]> }[] = [
  { name: "digits", file: path.join(root, "models", "digits", "digits.onnx") },
  { name: "mnist", file: path.join(shared, "mnist", "model.onnx") },
  { name: "ultraface-slim-320", file: path.join(shared, "ultraface-slim-320", "model.onnx") },
  { name: "shufflenet-v2-12-int8", file: path.join(shared, "shufflenet-v2-12-int8", "model.onnx") },
  { name: "multihead-attention", file: path.join(shared, "multihead-attention", "model.onnx"), shapes: { input: [1, 1, 16, 128] } },
  { name: "stories260K", file: path.join(shared, "stories260K", "model.onnx"), shapes: { input_ids: [1, 16] } },
];

/** Names of all models that are measured where their files are there. */
export const subjectNames: readonly string[] = files.map(({ name }) => name);

/** The project's own model and those beside the checkout; `left` names what is not there. */
export async function readSubjects(): Promise<{ subjects: Subject[]; left: string[] }> {
  const here = files.filter(({ file }) => existsSync(file));
  const subjects = await Promise.all(here.map(async ({ name, file, shapes = {} }) => makeSubject(name, new Uint8Array(await readFile(file)), shapes)));
  return { subjects, left: files.filter((one) => !here.includes(one)).map(({ name }) => name) };
}

export function makeSubject(name: string, modelBytes: Uint8Array, shapes: Record<string, number[]> = {}): Subject {
  const source = parseModel(modelBytes);
  fixShapes(source, shapes);
  return { name, modelBytes, shapes, plainBytes: serializeModel(source) };
}
