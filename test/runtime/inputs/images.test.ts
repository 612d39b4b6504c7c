import { describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import type { Dtype, TensorSpec } from "../../../protocol/program/types.ts";
import { resizePlane } from "../../../runtime/inputs/decodeImage.ts";
import { drawImage } from "../../../runtime/inputs/drawImage.ts";
import { numberToHalf, halfToNumber, bfloatToNumber, numberToBfloat } from "../../../protocol/program/halfFloat.ts";
import { parseInputFlag } from "../../../runtime/inputs/parseInputFlag.ts";
import { parseInput, type ReadInputOptions } from "../../../runtime/inputs/readInput.ts";
import { jpegFile, pixels, pngFile } from "./files.ts";

const spec = (dtype: Dtype, ...shape: number[]): TensorSpec => ({ name: "image", dtype, shape });
const values = (wanted: TensorSpec, file: string, content: Uint8Array, options?: ReadInputOptions) => [...new Float32Array(parseInput(wanted, file, content, options).bytes.buffer)];
const fault = (run: () => unknown): GainsayError => {
  try {
    run();
  } catch (error) {
    return error as GainsayError;
  }
  throw new Error("expected a failure");
};

const twoByOne = pngFile(2, 1, pixels(2, 1, (x) => (x === 0 ? [255, 0, 0, 255] : [0, 100, 200, 255])));

describe("images", () => {
  it("gives channels first, channels last and luma", () => {
    expect(values(spec(1, 1, 3, 1, 2), "a.png", twoByOne)).toEqual([255, 0, 0, 100, 0, 200]);
    const oneByTwo = pngFile(1, 2, pixels(1, 2, (_, y) => (y === 0 ? [255, 0, 0, 255] : [0, 100, 200, 255])));
    expect(values(spec(1, 1, 2, 1, 3), "a.png", oneByTwo)).toEqual([255, 0, 0, 0, 100, 200]);
    expect(values(spec(1, 2, 1, 3), "a.png", oneByTwo)).toEqual([255, 0, 0, 0, 100, 200]);
    expect(values(spec(1, 1, 1, 1, 2), "a.png", twoByOne)).toEqual([76.245, 81.5].map(Math.fround));
    expect(values(spec(1, 1, 2), "a.png", twoByOne)).toEqual([76.245, 81.5].map(Math.fround));
    expect([...parseInput(spec(2, 1, 1, 1, 2), "a.png", twoByOne).bytes]).toEqual([76, 82]);
  });

  it("scales, normalises and inverts", () => {
    const grey = pngFile(2, 1, pixels(2, 1, (x) => [x * 255, x * 255, x * 255, 255]));
    expect(values(spec(1, 1, 1, 1, 2), "a.png", grey, { image: { invert: true } })).toEqual([255, 0]);
    expect(values(spec(1, 1, 1, 1, 2), "a.png", grey, { image: { scale: 1 / 255, mean: 0.5, std: 0.25 } })).toEqual([-2, 2]);
    expect(values(spec(1, 1, 3, 1, 2), "a.png", grey, { image: { scale: 1 / 255, mean: [0, 0.5, 1] } })).toEqual([0, 1, -0.5, 0.5, -1, 0]);
    expect(fault(() => parseInput(spec(1, 1, 3, 1, 2), "a.png", grey, { image: { mean: [1, 2] } })).message).toMatch(/mean must be one number or 3 numbers/);
    expect(fault(() => parseInput(spec(1, 1, 3, 1, 2), "a.png", grey, { image: { std: 0 } })).message).toMatch(/must not be 0/);
  });

  it("lays transparency over white", () => {
    const clear = pngFile(1, 1, pixels(1, 1, () => [0, 0, 0, 0]));
    expect(values(spec(1, 1, 1, 1, 1), "a.png", clear)).toEqual([255]);
  });

  it("averages when it shrinks and interpolates when it grows, and says so", () => {
    const big = pngFile(4, 4, pixels(4, 4, (x, y) => [x * 10 + y, 0, 0, 255]));
    const { bytes, notes } = parseInput(spec(1, 1, 3, 2, 2), "a.png", big);
    expect([...new Float32Array(bytes.buffer).slice(0, 4)]).toEqual([5.5, 25.5, 7.5, 27.5]);
    expect(notes).toEqual(["resized from 4×4 to 2×2"]);
    expect([...resizePlane(Float64Array.of(0, 10), 2, 1, 4, 1)]).toEqual([0, 2.5, 7.5, 10]);
    const thirds = [...resizePlane(Float64Array.of(0, 3, 9), 3, 1, 2, 1)];
    expect(thirds[0]).toBeCloseTo(1, 12);
    expect(thirds[1]).toBeCloseTo(7, 12);
  });

  it("keeps constant images constant at any size", () => {
    for (const [from, to] of [[5, 3], [3, 5], [7, 7], [1, 4], [100, 28]] as const) {
      for (const value of resizePlane(new Float64Array(from * from).fill(42), from, from, to, to)) expect(value).toBeCloseTo(42, 9);
    }
  });

  it("reads JPEG", () => {
    const grey = jpegFile(16, 16, pixels(16, 16, () => [128, 128, 128, 255]));
    for (const value of values(spec(1, 1, 1, 4, 4), "a.jpg", grey)) expect(Math.abs(value - 128)).toBeLessThan(3);
  });

  it("gives a clear error for every truncated length of a PNG, and for cut-off JPEGs", () => {
    const png = pngFile(3, 3, pixels(3, 3, (x, y) => [x * 80, y * 80, 7, 255]));
    // The last chunk, IEND, has 12 bytes and no content.
    for (let length = 0; length < png.length - 12; length++) expect(fault(() => parseInput(spec(1, 1, 3, 3, 3), "a.png", png.slice(0, length)))).toMatchObject({ code: "INPUT_MALFORMED" });
    const photo = jpegFile(16, 16, pixels(16, 16, (x, y) => [x * 15, y * 15, 90, 255]));
    for (const length of [0, 2, 20, 200, Math.floor(photo.length / 2)]) expect(fault(() => parseInput(spec(1, 1, 3, 16, 16), "a.jpg", photo.slice(0, length)))).toMatchObject({ code: "INPUT_MALFORMED" });
  });

  it("refuses inputs that are no images, and images too large to decode", () => {
    for (const shape of [[1, 4, 8, 8], [2, 3, 8, 8], [10], [1, 3, 8, 8, 1]]) expect(fault(() => parseInput(spec(1, ...shape), "a.png", twoByOne)).code).toBe("INPUT_MISMATCH");
    const huge = Buffer.from(twoByOne);
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    expect(fault(() => parseInput(spec(1, 1, 3, 1, 2), "a.png", huge)).message).toMatch(/more than 100000000 pixels/);
  });
});

describe("drawImage", () => {
  it("draws edges with half blocks and areas with shades", () => {
    // Columns: black, white, upper white, lower white, grey; the odd last row is alone.
    const picture = [0, 255, 255, 0, 128, 0, 255, 0, 255, 128, 255, 0, 0, 0, 0];
    expect(drawImage(picture, { width: 5, height: 3, color: false })).toBe(" █▀▄▒\n▀");
  });

  it("draws colours as two greys a character", () => {
    expect(drawImage([0, 1, 1, 0], { width: 2, height: 2, color: true })).toBe("\x1b[38;5;232;48;5;255m▀\x1b[38;5;255;48;5;232m▀\x1b[0m");
  });

  it("draws flat images and NaN as black", () => {
    expect(drawImage([7, 7, 7, 7], { width: 2, height: 2, color: false })).toBe("");
    expect(drawImage([NaN, 1, 0, 1], { width: 2, height: 2, color: false })).toBe(" █");
  });
});

describe("half floats", () => {
  it("turns every binary16 value into a number and back", () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = halfToNumber(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(halfToNumber(numberToHalf(value)))).toBe(true);
      else if (numberToHalf(value) !== bits) expect.fail(`${bits} became ${numberToHalf(value)}`);
    }
  });

  it("rounds to nearest, ties to even, overflows and underflows", () => {
    const cases = [[1 + 2 ** -11, 0x3c00], [1 + 3 * 2 ** -11, 0x3c02], [65519.99, 0x7bff], [65520, 0x7c00], [2 ** -25, 0], [2 ** -25 * 1.01, 1], [-(2 ** -24), 0x8001], [2047.5, 0x6800], [2 ** -14 - 2 ** -26, 0x0400]] as const;
    for (const [value, bits] of cases) expect(numberToHalf(value)).toBe(bits);
    expect(numberToBfloat(1 + 2 ** -8)).toBe(0x3f80);
    expect(numberToBfloat(1 + 3 * 2 ** -8)).toBe(0x3f82);
    expect(bfloatToNumber(0xc000)).toBe(-2);
    expect(Number.isNaN(bfloatToNumber(numberToBfloat(NaN)))).toBe(true);
  });
});

describe("parseInputFlag", () => {
  it("takes name and file apart", () => {
    expect(parseInputFlag("x=a.npy")).toEqual({ name: "x", file: "a.npy" });
    expect(parseInputFlag("x=dir/a=b.npy")).toEqual({ name: "x", file: "dir/a=b.npy" });
    expect(parseInputFlag("a.npy")).toEqual({ name: undefined, file: "a.npy" });
    for (const flag of ["", "=a.npy", "x="]) expect(fault(() => parseInputFlag(flag))).toMatchObject({ code: "INPUT_FLAG", kind: "usage" });
  });
});
