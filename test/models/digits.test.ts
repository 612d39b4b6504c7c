import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import * as ort from "onnxruntime-node";
import { PNG } from "pngjs";
import { beforeAll, describe, expect, test } from "vitest";
import accuracy from "../../models/digits/accuracy.json" with { type: "json" };
import { digitStream, seeds } from "../../models/digits/dataset.ts";
import { createRandom } from "../../models/digits/random.ts";
import { IMAGE_SIDE, synthesizeDigit } from "../../models/digits/synthesize.ts";

const TEST_SEED = 555_123;
const TEST_IMAGES = 2000;
const REQUIRED_ACCURACY = 0.985;
const PIXELS = IMAGE_SIDE * IMAGE_SIDE;

const folder = new URL("../../models/digits/", import.meta.url);
const realDigits = new URL("../../../shared/models/mnist/", import.meta.url);
const model = readFileSync(new URL("digits.onnx", folder));

let session: ort.InferenceSession;
beforeAll(async () => {
  session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
});

async function read(pixels: ArrayLike<number>): Promise<number> {
  const image = new ort.Tensor("float32", Float32Array.from(pixels), [1, 1, IMAGE_SIDE, IMAGE_SIDE]);
  const { logits } = await session.run({ image });
  expect(logits!.dims).toEqual([1, 10]);
  const values = Array.from(logits!.data as Float32Array);
  return values.indexOf(Math.max(...values));
}

/** Raw float32 values (field 9) of an ONNX TensorProto. */
function tensorValues(bytes: Uint8Array): Float32Array {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 9) return new Float32Array(Uint8Array.from(reader.bytes()).buffer);
    reader.skip(wireType, field);
  }
  throw new Error("The tensor has no raw data.");
}

describe("the digit model", () => {
  test("is small and is the file that accuracy.json speaks of", () => {
    expect(model.length).toBeLessThan(150_000);
    expect(createHash("sha256").update(model).digest("hex")).toBe(accuracy.sha256);
  });

  test("takes one image and gives ten logits", () => {
    expect(session.inputNames).toEqual(["image"]);
    expect(session.outputNames).toEqual(["logits"]);
    expect(session.inputMetadata[0]).toMatchObject({ type: "float32", shape: [1, 1, IMAGE_SIDE, IMAGE_SIDE] });
  });

  test("reads fresh images of a seed of their own", async () => {
    expect(Object.values(seeds)).not.toContain(TEST_SEED);
    const stream = digitStream(TEST_SEED);
    let correct = 0;
    for (let n = 0; n < TEST_IMAGES; n++) {
      const { image, label } = stream.next().value;
      if ((await read(image)) === label) correct++;
    }
    expect(correct / TEST_IMAGES).toBeGreaterThanOrEqual(REQUIRED_ACCURACY);
  });

  test("reads the ten samples", async () => {
    for (let digit = 0; digit < 10; digit++) {
      const png = PNG.sync.read(readFileSync(new URL(`samples/${digit}.png`, folder)));
      expect([png.width, png.height]).toEqual([IMAGE_SIDE, IMAGE_SIDE]);
      const grey = Array.from({ length: PIXELS }, (_, at) => png.data[at * 4]!);
      expect(await read(grey), `sample ${digit}`).toBe(digit);
    }
  });

  test.skipIf(!existsSync(realDigits))("reads three digits written by people (skipped without ../shared/models/mnist)", async () => {
    const labels: number[] = [];
    for (let set = 0; set < 3; set++) {
      labels.push(await read(tensorValues(readFileSync(new URL(`test_data_set_${set}/input_0.pb`, realDigits)))));
    }
    expect(labels).toEqual([5, 0, 4]);
  });
});

describe("accuracy.json", () => {
  test("adds up", () => {
    const counts = accuracy.confusion.flat();
    const diagonal = accuracy.confusion.map((row, digit) => row[digit]!);
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    expect(sum(counts)).toBe(accuracy.heldOutImages);
    expect(sum(diagonal)).toBe(accuracy.heldOutCorrect);
    expect(accuracy.heldOutAccuracy).toBe(accuracy.heldOutCorrect / accuracy.heldOutImages);
    expect(accuracy.seeds).toEqual(seeds);
  });
});

describe("the synthesis", () => {
  test("depends on the seed alone", () => {
    for (let digit = 0; digit < 10; digit++) {
      const first = synthesizeDigit(digit, createRandom(11, digit));
      expect(first).toHaveLength(PIXELS);
      expect(synthesizeDigit(digit, createRandom(11, digit))).toEqual(first);
      expect(synthesizeDigit(digit, createRandom(12, digit))).not.toEqual(first);
    }
  });

  test("fits the ink into a box of about 20 pixels, centred by mass", () => {
    const stream = digitStream(TEST_SEED);
    for (let n = 0; n < 500; n++) {
      const { image } = stream.next().value;
      let mass = 0;
      let momentX = 0;
      let momentY = 0;
      const columns = new Set<number>();
      const rows = new Set<number>();
      for (const [at, value] of image.entries()) {
        // Grain stays below this.
        if (value < 64) continue;
        mass += value;
        momentX += value * ((at % IMAGE_SIDE) + 0.5);
        momentY += value * (Math.floor(at / IMAGE_SIDE) + 0.5);
        columns.add(at % IMAGE_SIDE);
        rows.add(Math.floor(at / IMAGE_SIDE));
      }
      expect(Math.abs(momentX / mass - 14)).toBeLessThan(2);
      expect(Math.abs(momentY / mass - 14)).toBeLessThan(2);
      const side = Math.max(columns.size, rows.size);
      expect(side).toBeGreaterThanOrEqual(16);
      expect(side).toBeLessThanOrEqual(23);
    }
  });

  test("refuses what is not a digit", () => {
    expect(() => synthesizeDigit(10, createRandom(1))).toThrow(expect.objectContaining({ code: "DIGITS_NOT_A_DIGIT" }));
  });
});
