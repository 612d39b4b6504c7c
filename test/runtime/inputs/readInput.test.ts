import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Dtype, TensorSpec } from "../../../protocol/program/types.ts";
import { parseInput, readInput, type ReadInputOptions } from "../../../runtime/inputs/readInput.ts";
import { npyFile, pbFile } from "./files.ts";

const spec = (dtype: Dtype, ...shape: number[]): TensorSpec => ({ name: "x", dtype, shape });
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const f32 = (...values: number[]) => bytesOf(Float32Array.from(values));
const shared = path.resolve(import.meta.dirname, "../../../../shared/models");

function fault(wanted: TensorSpec, file: string, content: Uint8Array | string, options?: ReadInputOptions): GainsayError {
  try {
    parseInput(wanted, file, typeof content === "string" ? Buffer.from(content) : content, options);
  } catch (error) {
    if (error instanceof GainsayError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

describe("readInput from disk", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "gainsay-inputs-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("reads a file, and says so if it cannot", async () => {
    const file = path.join(folder, "x.npy");
    writeFileSync(file, npyFile("<f4", [2], f32(1, 2)));
    expect(await readInput(spec(1, 2), file)).toEqual({ bytes: f32(1, 2), notes: [] });
    await expect(readInput(spec(1, 2), path.join(folder, "none.npy"))).rejects.toMatchObject({ code: "INPUT_UNREADABLE", kind: "usage" });
  });

  it("names the kinds of files for anything else, and goes by the content where the name says nothing", () => {
    expect(fault(spec(1, 2), "x.txt", "1 2").message).toMatch(/give a .npy, .pb, .json, .png or .jpg file/);
    expect(parseInput(spec(1, 2), "upload", npyFile("<f4", [2], f32(1, 2))).bytes).toEqual(f32(1, 2));
  });
});

describe(".npy", () => {
  it.each([1, 2, 3])("reads version %i", (version) => {
    expect(parseInput(spec(1, 2, 3), "x.npy", npyFile("<f4", [2, 3], f32(1, 2, 3, 4, 5, 6), { version })).bytes).toEqual(f32(1, 2, 3, 4, 5, 6));
  });

  it("rearranges Fortran order and big-endian data, and says so", () => {
    const fortran = parseInput(spec(1, 2, 3), "x.npy", npyFile("<f4", [2, 3], f32(1, 4, 2, 5, 3, 6), { fortran: true }));
    expect(fortran.bytes).toEqual(f32(1, 2, 3, 4, 5, 6));
    expect(fortran.notes).toEqual(["turned from Fortran order to C order"]);
    const big = parseInput(spec(6, 2), "x.npy", npyFile(">i4", [2], new Uint8Array([0, 0, 0, 1, 255, 255, 255, 254])));
    expect(big.bytes).toEqual(bytesOf(Int32Array.of(1, -2)));
    expect(big.notes).toEqual(["turned from big-endian to little-endian"]);
  });

  it("reads Fortran order of any shape", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), (shape) => {
        const count = shape.reduce((a, b) => a * b, 1);
        const fortran = new Int32Array(count);
        for (let i = 0; i < count; i++) {
          let rest = i;
          const coordinates = [...shape].reverse().map((size) => [rest % size, (rest = Math.floor(rest / size))][0]!).reverse();
          let at = 0;
          for (let k = shape.length - 1; k >= 0; k--) at = at * shape[k]! + coordinates[k]!;
          fortran[at] = i;
        }
        expect(parseInput(spec(6, ...shape), "x.npy", npyFile("<i4", shape, bytesOf(fortran), { fortran: true })).bytes).toEqual(bytesOf(Int32Array.from({ length: count }, (_, i) => i)));
      }),
      { numRuns: 50 },
    );
  });

  it("gives a clear error for every truncated length and for trailing bytes", () => {
    const whole = npyFile("<f4", [2, 2], f32(1, 2, 3, 4));
    for (let length = 0; length < whole.length; length++) expect(fault(spec(1, 2, 2), "x.npy", whole.slice(0, length))).toMatchObject({ code: "INPUT_MALFORMED", kind: "usage" });
    expect(fault(spec(1, 2, 2), "x.npy", new Uint8Array([...whole, 0])).message).toMatch(/trailing data/);
  });

  it("never throws anything but its own errors for changed bytes", () => {
    const whole = npyFile("<f4", [2, 2], f32(1, 2, 3, 4));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = whole.slice();
        changed[at] = value;
        try {
          expect(parseInput(spec(1, 2, 2), "x.npy", changed).bytes).toHaveLength(16);
        } catch (error) {
          expect(error).toBeInstanceOf(GainsayError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("refuses structured and complex arrays, unknown versions and other files", () => {
    expect(fault(spec(1, 2), "x.npy", npyFile("<c8", [1], new Uint8Array(8))).message).toMatch(/NumPy type c8/);
    expect(fault(spec(1, 2), "x.npy", npyFile("|O", [1], new Uint8Array(8))).message).toMatch(/cannot be understood/);
    expect(fault(spec(1, 2), "x.npy", npyFile("<f4", [2], f32(1, 2), { version: 4 })).message).toMatch(/version 4/);
    expect(fault(spec(1, 2), "x.npy", "this is no array").message).toMatch(/does not begin with NumPy's signature/);
  });
});

describe("conversion", () => {
  const npy = (descr: string, data: ArrayBufferView, count: number) => npyFile(descr, [count], bytesOf(data));

  it("converts where nothing but float precision is lost, and says so", () => {
    const rounded = parseInput(spec(1, 2), "x.npy", npy("<f8", Float64Array.of(0.1, 0.5), 2));
    expect(rounded.bytes).toEqual(f32(0.1, 0.5));
    expect(rounded.notes).toEqual(["converted from float64 to float32; 1 of 2 elements were rounded"]);
    expect(parseInput(spec(1, 2), "x.npy", npy("<i8", BigInt64Array.of(-3n, 2n ** 24n), 2)).bytes).toEqual(f32(-3, 2 ** 24));
    expect(parseInput(spec(7, 2), "x.npy", npy("<i4", Int32Array.of(-3, 4), 2)).bytes).toEqual(bytesOf(BigInt64Array.of(-3n, 4n)));
    expect(parseInput(spec(2, 2), "x.npy", npy("<f4", Float32Array.of(0, 255), 2)).bytes).toEqual(new Uint8Array([0, 255]));
    expect(parseInput(spec(10, 2), "x.npy", npy("<f4", Float32Array.of(1, -2), 2)).bytes).toEqual(bytesOf(Uint16Array.of(0x3c00, 0xc000)));
    expect(parseInput(spec(16, 2), "x.npy", npy("<f4", Float32Array.of(1, -2), 2)).bytes).toEqual(bytesOf(Uint16Array.of(0x3f80, 0xc000)));
    expect(parseInput(spec(9, 2), "x.npy", npy("|b1", Uint8Array.of(0, 1), 2))).toEqual({ bytes: new Uint8Array([0, 1]), notes: [] });
    expect(parseInput(spec(1, 1), "x.npy", npy("<f2", Uint16Array.of(0x3555), 1)).bytes).toEqual(f32(0.333251953125));
  });

  it.each<[string, Dtype, Uint8Array, RegExp]>([
    ["an integer that float32 rounds", 1, npyFile("<i8", [1], bytesOf(BigInt64Array.of(2n ** 24n + 1n))), /element 0 is 16777217, which float32 cannot hold exactly/],
    ["a fraction for an integer", 6, npyFile("<f4", [1], f32(1.5)), /element 0 is 1.5, which is no whole number/],
    ["NaN for an integer", 6, npyFile("<f4", [1], f32(NaN)), /is no whole number/],
    ["too large an integer", 3, npyFile("<i4", [1], bytesOf(Int32Array.of(128))), /element 0 is 128, which int8 cannot hold/],
    ["a negative for uint8", 2, npyFile("<i4", [1], bytesOf(Int32Array.of(-1))), /uint8 cannot hold/],
    ["a bool that is neither", 9, npyFile("|b1", [1], new Uint8Array([2])), /bool cannot hold/],
    ["a double too large for float32", 1, npyFile("<f8", [1], bytesOf(Float64Array.of(1e39))), /too large for float32/],
    ["a float too large for float16", 10, npyFile("<f4", [1], f32(65520)), /too large for float16/],
  ])("refuses %s", (_, dtype, content, message) => {
    const error = fault(spec(dtype, 1), "x.npy", content);
    expect(error.code).toBe("INPUT_MISMATCH");
    expect(error.message).toMatch(message);
  });

  it("counts NaN and infinities, and lets them pass only if asked", () => {
    const content = npyFile("<f4", [4], f32(NaN, Infinity, 1, NaN));
    expect(fault(spec(1, 4), "x.npy", content).message).toMatch(/2 NaN and 1 infinite values among 4/);
    expect(parseInput(spec(1, 4), "x.npy", content, { allowNonFinite: true }).bytes).toEqual(f32(NaN, Infinity, 1, NaN));
  });

  it("takes shapes that differ in axes of size 1, and no others", () => {
    expect(parseInput(spec(1, 1, 2, 2), "x.npy", npyFile("<f4", [2, 2], f32(1, 2, 3, 4))).notes).toEqual(["taken as [1, 2, 2] from [2, 2]"]);
    expect(fault(spec(1, 4), "x.npy", npyFile("<f4", [2, 2], f32(1, 2, 3, 4))).message).toMatch(/its shape is \[2, 2\], but \[4\] is wanted/);
  });
});

describe(".pb", () => {
  it("reads raw data and typed fields", () => {
    expect(parseInput(spec(1, 2), "x.pb", pbFile(1, [2], f32(1, 2))).bytes).toEqual(f32(1, 2));
    // dims: 2, data_type: float, float_data packed: 1, 2
    const typed = new Uint8Array([0x08, 2, 0x10, 1, 0x22, 8, ...f32(1, 2)]);
    expect(parseInput(spec(1, 2), "x.pb", typed).bytes).toEqual(f32(1, 2));
  });

  it("gives a clear error for every truncated length", () => {
    const whole = pbFile(1, [1, 2, 2], f32(1, 2, 3, 4), "named");
    for (let length = 0; length < whole.length; length++) expect(fault(spec(1, 1, 2, 2), "x.pb", whole.slice(0, length))).toMatchObject({ code: "INPUT_MALFORMED", kind: "usage" });
  });

  it("refuses strings, external data and data that does not fit", () => {
    expect(fault(spec(1, 2), "x.pb", pbFile(8, [2], new Uint8Array(0))).message).toMatch(/ONNX type 8/);
    expect(fault(spec(1, 2), "x.pb", new Uint8Array([0x08, 2, 0x10, 1, 0x70, 1])).message).toMatch(/another file/);
    expect(fault(spec(1, 2), "x.pb", pbFile(1, [3], f32(1, 2))).message).toMatch(/does not fit its shape \[3\]/);
  });

  it("never throws anything but its own errors for arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (content) => {
        try {
          parseInput(spec(1, 1), "x.pb", content);
        } catch (error) {
          expect(error).toBeInstanceOf(GainsayError);
        }
      }),
      { numRuns: 500 },
    );
  });

  const mnist = path.join(shared, "mnist/test_data_set_0/input_0.pb");
  it.skipIf(!existsSync(mnist))("reads the digits of the shared models (skipped where ../shared is absent)", () => {
    const { bytes, notes } = parseInput(spec(1, 1, 1, 28, 28), mnist, readFileSync(mnist));
    expect(notes).toEqual([]);
    expect(Math.max(...new Float32Array(bytes.buffer, bytes.byteOffset, 784))).toBe(255);
  });
});

describe(".json", () => {
  it("reads nested and flat arrays, by the input's name or under input_data", () => {
    for (const text of ["[[1,2],[3,4]]", "[1,2,3,4]", '{"x":[[1,2],[3,4]]}', '{"x":[1,2,3,4],"other":[9]}', '{"input_data":[[1,2,3,4]]}', '{"input_data":[1,2,3,4]}', '{"input_data":[[[1,2],[3,4]]]}']) {
      expect(parseInput(spec(1, 2, 2), "x.json", Buffer.from(text)).bytes).toEqual(f32(1, 2, 3, 4));
    }
    expect(parseInput(spec(6, 2), "x.json", Buffer.from('{"input_data":[[9],[1,2]]}'), { position: 1 }).bytes).toEqual(bytesOf(Int32Array.of(1, 2)));
    expect(parseInput(spec(9, 2), "x.json", Buffer.from("[true,false]")).bytes).toEqual(new Uint8Array([1, 0]));
    expect(parseInput(spec(1), "x.json", Buffer.from("2.5")).bytes).toEqual(f32(2.5));
  });

  it.each([
    ["{", /not valid JSON, or is cut off/],
    ["[[1,2],[3]]", /unequal lengths/],
    ['[1,"2"]', /holds a string where a number/],
    ["[1,null]", /holds nothing where a number/],
    ['"text"', /must hold an array/],
    ['{"y":[1,2]}', /neither the input's name "x" nor/],
    ['{"input_data":[[1],[2]]}', /data for 2 inputs/],
    ["[1,2,3]", /its shape is \[3\], but \[2, 2\] is wanted/],
    ["[]", /but \[2, 2\] is wanted/],
  ])("refuses %s", (text, message) => {
    expect(fault(spec(1, 2, 2), "x.json", text).message).toMatch(message);
  });

  it("refuses integers that JSON cannot carry", () => {
    expect(fault(spec(7, 1), "x.json", "[9007199254740993]").message).toMatch(/too large for JSON/);
  });

  const attention = path.join(shared, "multihead-attention/input.json");
  it.skipIf(!existsSync(attention))("reads the sample of the shared models (skipped where ../shared is absent)", () => {
    const count = (JSON.parse(readFileSync(attention, "utf8")) as { input_data: number[][] }).input_data[0]!.length;
    expect(parseInput(spec(1, 1, count / 16, 16), attention, readFileSync(attention)).bytes).toHaveLength(count * 4);
  });
});
