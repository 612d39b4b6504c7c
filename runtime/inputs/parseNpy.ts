import { badInput, elementsOf, rawBytes, type RawDtype, type RawTensor } from "./rawTensor.ts";

const types: Readonly<Record<string, RawDtype>> = {
  f2: "float16", f4: "float32", f8: "float64", b1: "bool",
  i1: "int8", i2: "int16", i4: "int32", i8: "int64",
  u1: "uint8", u2: "uint16", u4: "uint32", u8: "uint64",
};

/**
 * Reads a NumPy array file, versions 1 to 3 of the format (numpy.lib.format). Big-endian and Fortran-ordered data are rearranged, with a
 * note. Throws `INPUT_MALFORMED`.
 */
export function parseNpy(file: string, content: Uint8Array): RawTensor {
  const magic = Buffer.from(content.subarray(0, 6)).toString("latin1");
  if (magic !== "\x93NUMPY") throw badInput(file, content.length < 6 ? "is too short for a .npy file" : "is not a .npy file: it does not begin with NumPy's signature");
  const version = content[6];
  if (version === undefined || (version !== 1 && version !== 2 && version !== 3)) throw badInput(file, version === undefined ? "is cut off in its header" : `has version ${version} of the .npy format; versions 1 to 3 can be read`);
  const lengthBytes = version === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (content.length < start) throw badInput(file, "is cut off in its header");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (content.length < end) throw badInput(file, "is cut off in its header");
  const header = Buffer.from(content.subarray(start, end)).toString("utf8");

  const descr = /["']descr["']\s*:\s*["']([<>|=])([a-z]\d+)["']/.exec(header);
  const fortran = /["']fortran_order["']\s*:\s*(True|False)/.exec(header);
  const shapeText = /["']shape["']\s*:\s*\(([\d\s,]*)\)/.exec(header);
  if (descr === null || fortran === null || shapeText === null) throw badInput(file, "has a .npy header that cannot be understood; it must hold one plain array of numbers", { header: header.slice(0, 200) });
  const dtype = types[descr[2] as string];
  if (dtype === undefined) throw badInput(file, `holds elements of NumPy type ${descr[2]}; save it as float32 or an integer type`);
  const shape = (shapeText[1] as string).split(",").map((size) => size.trim()).filter((size) => size !== "").map(Number);

  const size = rawBytes[dtype];
  const wanted = elementsOf(shape) * size;
  const given = content.length - end;
  if (given !== wanted) throw badInput(file, `${given < wanted ? "is cut off: it" : "has trailing data: it"} holds ${given} bytes of data where its shape [${shape.join(", ")}] needs ${wanted}`);
  const notes: string[] = [];
  let bytes = content.slice(end);
  if (descr[1] === ">" && size > 1) {
    swapBytes(bytes, size);
    notes.push("turned from big-endian to little-endian");
  }
  if (fortran[1] === "True" && shape.length > 1) {
    bytes = fromFortran(bytes, shape, size);
    notes.push("turned from Fortran order to C order");
  }
  return { dtype, shape, bytes, notes };
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** Row-major bytes of an array that is stored with its first axis running fastest. */
function fromFortran(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  const coordinates = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, k) => elementsOf(shape.slice(0, k)));
  for (let at = 0, from = 0; at < bytes.length; at += size) {
    out.set(bytes.subarray(from * size, (from + 1) * size), at);
    for (let k = shape.length - 1; k >= 0; k--) {
      coordinates[k]!++;
      from += strides[k]!;
      if (coordinates[k]! < shape[k]!) break;
      from -= coordinates[k]! * strides[k]!;
      coordinates[k] = 0;
    }
  }
  return out;
}
