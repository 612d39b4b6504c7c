import { readdir } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../../protocol/errors.ts";

/** A folder with a model and published inputs and outputs, laid out as in `onnx/backend/test/data` of the ONNX project. */
export interface VectorFolder {
  /** `GROUP/TEST`. */
  test: string;
  model: string;
  /** Folders `test_data_set_*`, in order. */
  dataSets: string[];
}

const MAX_DEPTH = 8;

/**
 * All vectors below a folder, by name: a folder of groups, one group, or a whole checkout of onnx/onnx. `only` keeps the tests whose
 * name contains it; a `*` in it stands for anything, and then it must fit the whole name.
 * Throws `VECTORS_MISSING` if there are none.
 */
export async function findVectors(folder: string, only?: string): Promise<VectorFolder[]> {
  const root = path.resolve(folder);
  const found: VectorFolder[] = [];
  await walk(root, 0, found);
  if (found.length === 0) {
    throw new GainsayError(`There are no vectors below ${folder}; give a folder in which tests are laid out as GROUP/TEST/model.onnx with test_data_set_0/ beside it.`, { code: "VECTORS_MISSING", kind: "usage", details: { folder } });
  }
  const kept = only === undefined ? found : found.filter(({ test }) => fits(test, only));
  if (kept.length === 0) throw new GainsayError(`None of the ${found.length} tests below ${folder} fits ${JSON.stringify(only)}.`, { code: "VECTORS_MISSING", kind: "usage", details: { folder, only } });
  return kept.sort((a, b) => (a.test < b.test ? -1 : 1));
}

async function walk(folder: string, depth: number, found: VectorFolder[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new GainsayError(`The folder ${folder} cannot be read; check its name and permissions.`, { code: "FILE_NOT_READABLE", kind: "usage", details: { folder }, cause });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const dataSets = names.filter((name) => /^test_data_set_\d+$/.test(name)).sort((a, b) => Number(a.slice(14)) - Number(b.slice(14)));
  if (dataSets.length > 0 && entries.some(({ name }) => name === "model.onnx")) {
    found.push({ test: folder.split(path.sep).slice(-2).join("/"), model: path.join(folder, "model.onnx"), dataSets: dataSets.map((name) => path.join(folder, name)) });
    return;
  }
  if (depth === MAX_DEPTH) return;
  for (const name of names) if (!name.startsWith(".") && name !== "node_modules") await walk(path.join(folder, name), depth + 1, found);
}

function fits(test: string, only: string): boolean {
  if (!only.includes("*")) return test.includes(only);
  const pattern = only.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  return new RegExp(`^${pattern}$`).test(test);
}
