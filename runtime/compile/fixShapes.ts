import { GainsayError } from "../../protocol/errors.ts";
import { declaredTensor, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import type { Model } from "../../protocol/onnx/parseModel.ts";

const MAX_SIZE = 2 ** 31 - 1;

/**
 * Takes initialisers off the list of inputs, so that they are constants, and gives every remaining input a fixed shape.
 * Throws `MODEL_SHAPE` that names every input without one.
 */
export function fixShapes(model: Model, shapes: Readonly<Record<string, readonly number[]>>): void {
  const { graph } = model;
  const constants = new Set(graph.initializer.map(({ name }) => name));
  graph.input = graph.input.filter(({ name }) => !constants.has(name));
  const names = graph.input.map(({ name }) => name);
  const unknown = Object.keys(shapes).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw shapeError(`The model has no input ${list(unknown)}; its inputs are ${list(names)}.`, { unknown, inputs: names });
  const symbols = new Map<string, number>();
  const missing: { input: string; declared: (number | string)[] }[] = [];
  graph.input = graph.input.map((info) => {
    const declared = declaredTensor(info);
    if (declared === undefined) return info;
    const given = shapes[info.name];
    const dims = declared.dims;
    if (given === undefined) {
      if (dims !== undefined && dims.every((dim): dim is number => typeof dim === "number" && dim > 0)) return info;
      missing.push({ input: info.name, declared: (dims ?? []).map((dim) => (typeof dim === "number" ? dim : dim.symbol || "?")) });
      return info;
    }
    if (!given.every((size) => Number.isInteger(size) && size > 0 && size <= MAX_SIZE)) {
      throw shapeError(`The shape ${JSON.stringify(given)} given for input ${JSON.stringify(info.name)} must consist of positive integers.`, { input: info.name, given });
    }
    const fits = dims === undefined || (dims.length === given.length && dims.every((dim, k) => typeof dim !== "number" || dim <= 0 || dim === given[k]));
    if (!fits) {
      throw shapeError(`The shape ${JSON.stringify(given)} does not fit input ${JSON.stringify(info.name)}, which is declared as ${describe(dims ?? [])}.`, { input: info.name, given });
    }
    dims?.forEach((dim, k) => {
      if (typeof dim === "number" || dim.symbol === "") return;
      const size = symbols.get(dim.symbol) ?? given[k]!;
      if (size !== given[k]) throw shapeError(`The dimension ${JSON.stringify(dim.symbol)} cannot be both ${size} and ${given[k]}.`, { symbol: dim.symbol });
      symbols.set(dim.symbol, size);
    });
    return makeValueInfo(info.name, declared.elemType, given);
  });
  if (missing.length > 0) {
    const first = missing[0]!;
    const hint = `--shape ${first.input}=${first.declared.map((dim) => (typeof dim === "number" && dim > 0 ? dim : 1)).join("x") || "1x…"}`;
    throw shapeError(`The model leaves dimensions open; give a shape for ${missing.map(({ input, declared }) => `${JSON.stringify(input)} [${declared.join(", ")}]`).join(", ")}, for example ${hint}.`, { missing });
  }
}

function shapeError(message: string, details: Record<string, unknown>): GainsayError {
  return new GainsayError(message, { code: "MODEL_SHAPE", kind: "usage", details });
}

function describe(dims: readonly (number | { symbol: string })[]): string {
  return `[${dims.map((dim) => (typeof dim === "number" ? dim : dim.symbol || "?")).join(", ")}]`;
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}
