import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { toBinary } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";

/** A .npy file as NumPy writes it. */
export function npyFile(descr: string, shape: readonly number[], data: Uint8Array, { version = 1, fortran = false } = {}): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${dims}), }`;
  const lengthBytes = version === 1 ? 2 : 4;
  const padded = `${text}${" ".repeat((64 - ((8 + lengthBytes + text.length + 1) % 64)) % 64)}\n`;
  const length = Buffer.alloc(lengthBytes);
  if (version === 1) length.writeUInt16LE(padded.length);
  else length.writeUInt32LE(padded.length);
  return new Uint8Array(Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from([version, 0]), length, Buffer.from(padded), data]));
}

/** An ONNX TensorProto file. */
export function pbFile(dataType: number, shape: readonly number[], data: Uint8Array, name = ""): Uint8Array {
  return toBinary(TensorProtoSchema, makeTensor(name, dataType, shape, data));
}

/** RGBA pixels from a function. */
export function pixels(width: number, height: number, at: (x: number, y: number) => readonly [number, number, number, number]): Buffer {
  const data = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(at(x, y), (y * width + x) * 4);
  return data;
}

export function pngFile(width: number, height: number, data: Buffer): Uint8Array {
  const png = new PNG({ width, height });
  png.data = data;
  return new Uint8Array(PNG.sync.write(png));
}

export function jpegFile(width: number, height: number, data: Buffer): Uint8Array {
  return new Uint8Array(jpeg.encode({ width, height, data }, 95).data);
}
