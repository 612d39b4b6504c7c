import { readFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { TensorSpec } from "../../protocol/program/types.ts";
import { convertElements, countNonFinite } from "./convertElements.ts";
import { decodeImage } from "./decodeImage.ts";
import { imageToTensor, type ImageOptions } from "./imageToTensor.ts";
import { parseJsonTensor } from "./parseJsonTensor.ts";
import { parseNpy } from "./parseNpy.ts";
import { parseTensorPb } from "./parseTensorPb.ts";
import { badInput, elementsOf, unfitInput, type RawTensor } from "./rawTensor.ts";

export interface ReadInputOptions {
  /** How pixels become elements; only for images. */
  image?: ImageOptions;
  /** Lets NaN and infinities pass. */
  allowNonFinite?: boolean;
  /** Which entry of a JSON file with one array an input is meant. */
  position?: number;
}

export interface ReadInput {
  /** Little-endian elements, row-major, of the input's type and shape: what is committed. */
  bytes: Uint8Array;
  /** What was converted on the way, one phrase each, for people. */
  notes: string[];
}

/**
 * Reads a model input from a .npy, .pb (ONNX TensorProto), .json, .png or .jpg file.
 * Throws `INPUT_UNREADABLE`, `INPUT_MALFORMED` (the file is broken) or `INPUT_MISMATCH` (it does not fit the input).
 */
export async function readInput(spec: TensorSpec, file: string, options: ReadInputOptions = {}): Promise<ReadInput> {
  const content = await readFile(file).catch((cause: unknown) => {
    throw new GainsayError(`The input file ${file} cannot be read; check its name and permissions.`, { code: "INPUT_UNREADABLE", kind: "usage", details: { file }, cause });
  });
  return parseInput(spec, file, content, options);
}

/** `readInput` for content that is in memory; `file` tells the format and stands in messages. */
export function parseInput(spec: TensorSpec, file: string, content: Uint8Array, options: ReadInputOptions = {}): ReadInput {
  // A Buffer's `slice` shares memory where an array's copies.
  const raw = parse(spec, file, new Uint8Array(content.buffer, content.byteOffset, content.byteLength), options);
  const notes = [...(raw.notes ?? [])];
  fitShape(spec, file, raw, notes);
  const bytes = convertElements(file, spec, raw, notes);
  if (options.allowNonFinite !== true) {
    const { nan, infinite } = countNonFinite(spec.dtype, bytes);
    if (nan + infinite > 0) throw unfitInput(file, spec, `it holds ${nan} NaN and ${infinite} infinite values among ${elementsOf(spec.shape)}`, { nan, infinite });
  }
  return { bytes, notes };
}

function parse(spec: TensorSpec, file: string, content: Uint8Array, options: ReadInputOptions): RawTensor {
  switch (kindOf(file, content)) {
    case "npy":
      return parseNpy(file, content);
    case "pb":
      return parseTensorPb(file, content);
    case "json":
      return parseJsonTensor(file, content, spec.name, options.position);
    case "image":
      return imageToTensor(file, spec, decodeImage(file, content), options.image);
    case undefined:
      throw badInput(file, "is of no kind that can be read; give a .npy, .pb, .json, .png or .jpg file");
  }
}

function kindOf(file: string, content: Uint8Array): "npy" | "pb" | "json" | "image" | undefined {
  switch (path.extname(file).toLowerCase()) {
    case ".npy":
      return "npy";
    case ".pb":
      return "pb";
    case ".json":
      return "json";
    case ".png":
    case ".jpg":
    case ".jpeg":
      return "image";
  }
  const start = Buffer.from(content.subarray(0, 6)).toString("latin1");
  if (start === "\x93NUMPY") return "npy";
  return start.startsWith("\x89PNG") || start.startsWith("\xff\xd8\xff") ? "image" : undefined;
}

/** Shapes agree if they are equal, differ only in axes of size 1, or if JSON gives all elements as one flat list. */
function fitShape(spec: TensorSpec, file: string, raw: RawTensor, notes: string[]): void {
  if (same(raw.shape, spec.shape)) return;
  const flat = raw.decimal === true && raw.shape.filter((size) => size !== 1).length <= 1 && elementsOf(raw.shape) === elementsOf(spec.shape);
  if (!flat && !same(withoutOnes(raw.shape), withoutOnes(spec.shape))) {
    throw unfitInput(file, spec, `its shape is [${raw.shape.join(", ")}], but [${spec.shape.join(", ")}] is wanted`, { given: raw.shape, wanted: spec.shape });
  }
  notes.push(`taken as [${spec.shape.join(", ")}] from [${raw.shape.join(", ")}]`);
}

function withoutOnes(shape: readonly number[]): number[] {
  return shape.filter((size) => size !== 1);
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, k) => size === b[k]);
}
