import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { PNG } from "pngjs";
import { GainsayError } from "../../protocol/errors.ts";
import { createAdam } from "./adam.ts";
import { digitStream, seeds } from "./dataset.ts";
import { encodeOnnx } from "./encodeOnnx.ts";
import { createNetwork, type Network } from "./network.ts";
import { createRandom } from "./random.ts";
import { IMAGE_SIDE } from "./synthesize.ts";

const TRAINING_IMAGES = 320_000;
const HELD_OUT_IMAGES = 10_000;
const SAMPLE_CANDIDATES = 12;
const BATCH = 32;
const LEARNING_RATE = 2e-3;
const WARM_UP = 0.02;
const WEIGHT_DECAY = 1e-2;
const LABEL_SMOOTHING = 0.03;
const SESSION: ort.InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };

const { values: flags } = parseArgs({
  options: { images: { type: "string" }, out: { type: "string" } },
});
const images = flags.images === undefined ? TRAINING_IMAGES : Number(flags.images);
if (!Number.isSafeInteger(images) || images < BATCH) {
  throw new GainsayError(`Give --images an integer of at least ${BATCH}.`, { code: "DIGITS_IMAGE_COUNT", kind: "usage" });
}
const folder = flags.out ?? fileURLToPath(new URL(".", import.meta.url));

const network = train(images);
const model = encodeOnnx(network.parameters);
const session = await ort.InferenceSession.create(model, SESSION);
const report = await evaluate(session);
mkdirSync(`${folder}/samples`, { recursive: true });
writeFileSync(`${folder}/digits.onnx`, model);
writeFileSync(`${folder}/accuracy.json`, accuracyDocument());
await writeSamples(session);
console.error(`held-out accuracy ${report.heldOutAccuracy} on ${report.heldOutImages} images, ${model.length} bytes`);

/** The report as JSON, one row of the confusion matrix a line. */
function accuracyDocument(): string {
  const { confusion, ...figures } = report;
  const document = {
    model: "digits.onnx",
    sha256: createHash("sha256").update(model).digest("hex"),
    parameters: network.parameters.reduce((sum, { values }) => sum + values.length, 0),
    trainingImages: Math.floor(images / BATCH) * BATCH,
    seeds,
    ...figures,
  };
  const rows = confusion.map((row) => `    [${row.join(", ")}]`).join(",\n");
  return `${JSON.stringify(document, null, 2).slice(0, -2)},\n  "confusion": [\n${rows}\n  ]\n}\n`;
}

/** One pass over a stream that never repeats; the learning rate warms up, then falls along a half cosine. */
function train(count: number): Network {
  const network = createNetwork(createRandom(seeds.weights));
  const optimizer = createAdam(network.parameters, WEIGHT_DECAY);
  const stream = digitStream(seeds.training);
  const steps = Math.floor(count / BATCH);
  let loss = 0;
  for (let step = 0; step < steps; step++) {
    for (let n = 0; n < BATCH; n++) {
      const { image, label } = stream.next().value;
      loss += network.learn(image, label, LABEL_SMOOTHING) / BATCH;
    }
    const progress = (step + 1) / steps;
    const schedule = progress < WARM_UP ? progress / WARM_UP : 0.5 * (1 + Math.cos(Math.PI * progress));
    optimizer.step(LEARNING_RATE * schedule, BATCH);
    if ((step + 1) % 500 === 0) {
      console.error(`${(step + 1) * BATCH} images, mean loss ${(loss / 500).toFixed(4)}`);
      loss = 0;
    }
  }
  return network;
}

/** Accuracy of the exported model, as ONNX Runtime runs it; `confusion[meant][read]` counts images. */
async function evaluate(session: ort.InferenceSession) {
  const confusion = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  const stream = digitStream(seeds.heldOut);
  let correct = 0;
  for (let n = 0; n < HELD_OUT_IMAGES; n++) {
    const { image, label } = stream.next().value;
    const { digit } = await classify(session, image);
    confusion[label]![digit]!++;
    if (digit === label) correct++;
  }
  return { heldOutImages: HELD_OUT_IMAGES, heldOutCorrect: correct, heldOutAccuracy: correct / HELD_OUT_IMAGES, confusion };
}

/** Of a dozen held-out images of each digit, the one the model is surest of. */
async function writeSamples(session: ort.InferenceSession): Promise<void> {
  const best = Array.from({ length: 10 }, () => ({ margin: 0, image: null as Uint8Array | null }));
  const stream = digitStream(seeds.samples);
  for (let n = 0; n < 10 * SAMPLE_CANDIDATES; n++) {
    const { image, label } = stream.next().value;
    const { digit, margin } = await classify(session, image);
    if (digit === label && margin > best[label]!.margin) best[label] = { margin, image };
  }
  for (const [label, { image }] of best.entries()) {
    if (image === null) {
      throw new GainsayError(`No sample of the digit ${label} was read correctly; train on more images.`, { code: "DIGITS_NO_SAMPLE" });
    }
    const png = new PNG({ width: IMAGE_SIDE, height: IMAGE_SIDE, colorType: 0, inputColorType: 0, inputHasAlpha: false });
    png.data = Buffer.from(image);
    writeFileSync(`${folder}/samples/${label}.png`, PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false }));
  }
}

async function classify(session: ort.InferenceSession, image: Uint8Array): Promise<{ digit: number; margin: number }> {
  const input = new ort.Tensor("float32", Float32Array.from(image), [1, 1, IMAGE_SIDE, IMAGE_SIDE]);
  const { logits } = await session.run({ image: input });
  const values = Array.from(logits!.data as Float32Array);
  const ranked = [...values].sort((a, b) => b - a);
  return { digit: values.indexOf(ranked[0]!), margin: ranked[0]! - ranked[1]! };
}
