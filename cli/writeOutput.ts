import { writeFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../protocol/errors.ts";
import { dtypes, type Dtype } from "../protocol/program/types.ts";
import type { DecodedOutput } from "../runtime/inference/decodeOutput.ts";
import { jsonValues, type JsonNumber } from "./describeOutput.ts";

/** NumPy's type codes; bfloat16 has none and is written as the 16 bits it is. */
const descriptions: Readonly<Record<Dtype, string>> = {
  [dtypes.float32]: "<f4",
  [dtypes.uint8]: "|u1",
  [dtypes.int8]: "|i1",
  [dtypes.uint16]: "<u2",
  [dtypes.int16]: "<i2",
  [dtypes.uint32]: "<u4",
  [dtypes.int32]: "<i4",
  [dtypes.uint64]: "<u8",
  [dtypes.int64]: "<i8",
  [dtypes.bool]: "|b1",
  [dtypes.float16]: "<f2",
  [dtypes.bfloat16]: "<u2",
};

/**
 * Writes outputs to a `.npy` file (one output) or a `.json` file (nested arrays by output name).
 * Throws `OUTPUT_FILE` for another kind of file or several outputs in a .npy file, and `FILE_NOT_WRITABLE`.
 */
export async function writeOutput(file: string, outputs: readonly DecodedOutput[]): Promise<void> {
  const content = contentOf(file, outputs);
  await writeFile(file, content).catch((cause: unknown) => {
    throw new GainsayError(`The file ${file} cannot be written; check its folder and permissions.`, { code: "FILE_NOT_WRITABLE", kind: "usage", details: { file, reason: (cause as NodeJS.ErrnoException).code }, cause });
  });
}

function contentOf(file: string, outputs: readonly DecodedOutput[]): Uint8Array | string {
  const extension = path.extname(file).toLowerCase();
  if (extension === ".json") return `${JSON.stringify(Object.fromEntries(outputs.map((output) => [output.name, nested(jsonValues(output), output.shape)])))}\n`;
  const [only] = outputs;
  if (extension === ".npy" && only !== undefined && outputs.length === 1) return npy(only);
  throw new GainsayError(extension === ".npy" ? `A .npy file holds one output, but there are ${outputs.length}; write a .json file.` : "The result is written to .npy or .json files; give --out a name that ends so.", { code: "OUTPUT_FILE", kind: "usage", details: { file } });
}

/** NumPy's format, version 1.0: magic, version, header length, header padded so that the data starts at a multiple of 64, data. */
export function npy({ dtype, shape, data }: DecodedOutput): Uint8Array {
  const header = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(" ")}), }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, length & 0xff, length >> 8]);
  return Buffer.concat([start, Buffer.from(`${header.padEnd(length - 1)}\n`, "latin1"), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

type Nested = JsonNumber | Nested[];

function nested(values: readonly JsonNumber[], shape: readonly number[]): Nested {
  const [first, ...rest] = shape;
  if (first === undefined) return values[0] as JsonNumber;
  const size = values.length / first;
  return Array.from({ length: first }, (_, i) => nested(values.slice(i * size, (i + 1) * size), rest));
}
