import { convBackward, convForward, denseBackward, denseForward, reluPoolBackward, reluPoolForward } from "./layers.ts";
import type { Random } from "./random.ts";
import { IMAGE_SIDE } from "./synthesize.ts";

const CHANNELS_1 = 8;
const CHANNELS_2 = 16;
const HALF = IMAGE_SIDE / 2;
const QUARTER = IMAGE_SIDE / 4;
const FEATURES = CHANNELS_2 * QUARTER * QUARTER;
const HIDDEN = 32;
const CLASSES = 10;

/** A trainable tensor: its name in the ONNX file, its shape, its values and the gradient collected so far. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

export interface Network {
  /** In the order conv1, conv2, hidden, classes; weight before bias. */
  readonly parameters: readonly Parameter[];
  /** Logits of one image of 28×28 grey values 0..255; the array is reused by the next call. */
  infer(image: Uint8Array): Float64Array;
  /** Adds the gradient of the cross-entropy to every parameter; returns the loss in nats. */
  learn(image: Uint8Array, label: number, smoothing: number): number;
}

/**
 * Conv 3×3 (8) → Relu → MaxPool 2 → Conv 3×3 (16) → Relu → MaxPool 2 → dense 32 → Relu → dense 10.
 * Weights start as in He et al. 2015 (normal, variance 2 / fan-in). Pixels are scaled to 0..1 inside.
 */
export function createNetwork(random: Random): Network {
  const conv1 = layer("conv1", [CHANNELS_1, 1, 3, 3], random);
  const conv2 = layer("conv2", [CHANNELS_2, CHANNELS_1, 3, 3], random);
  const hidden = layer("hidden", [HIDDEN, FEATURES], random);
  const classes = layer("classes", [CLASSES, HIDDEN], random);

  const padded1 = new Float64Array((IMAGE_SIDE + 2) ** 2);
  const map1 = new Float64Array(CHANNELS_1 * IMAGE_SIDE ** 2);
  const map1Gradient = new Float64Array(map1.length);
  const winners1 = new Int32Array(CHANNELS_1 * HALF ** 2);
  const padded2 = new Float64Array(CHANNELS_1 * (HALF + 2) ** 2);
  const padded2Gradient = new Float64Array(padded2.length);
  const map2 = new Float64Array(CHANNELS_2 * HALF ** 2);
  const map2Gradient = new Float64Array(map2.length);
  const winners2 = new Int32Array(FEATURES);
  const features = new Float64Array(FEATURES);
  const featuresGradient = new Float64Array(FEATURES);
  const hiddenSums = new Float64Array(HIDDEN);
  const hiddenValues = new Float64Array(HIDDEN);
  const hiddenGradient = new Float64Array(HIDDEN);
  const logits = new Float64Array(CLASSES);
  const logitsGradient = new Float64Array(CLASSES);

  const infer = (image: Uint8Array): Float64Array => {
    for (let row = 0; row < IMAGE_SIDE; row++) {
      for (let column = 0; column < IMAGE_SIDE; column++) {
        padded1[(row + 1) * (IMAGE_SIDE + 2) + column + 1] = image[row * IMAGE_SIDE + column]! / 255;
      }
    }
    convForward(padded1, 1, IMAGE_SIDE, conv1.weight.values, conv1.bias.values, map1, CHANNELS_1);
    reluPoolForward(map1, CHANNELS_1, IMAGE_SIDE, padded2, 1, winners1);
    convForward(padded2, CHANNELS_1, HALF, conv2.weight.values, conv2.bias.values, map2, CHANNELS_2);
    reluPoolForward(map2, CHANNELS_2, HALF, features, 0, winners2);
    denseForward(features, hidden.weight.values, hidden.bias.values, hiddenSums);
    for (let h = 0; h < HIDDEN; h++) hiddenValues[h] = Math.max(0, hiddenSums[h]!);
    denseForward(hiddenValues, classes.weight.values, classes.bias.values, logits);
    return logits;
  };

  const learn = (image: Uint8Array, label: number, smoothing: number): number => {
    infer(image);
    const peak = Math.max(...logits);
    let total = 0;
    for (let c = 0; c < CLASSES; c++) total += Math.exp(logits[c]! - peak);
    const logTotal = peak + Math.log(total);
    let loss = 0;
    for (let c = 0; c < CLASSES; c++) {
      const target = smoothing / CLASSES + (c === label ? 1 - smoothing : 0);
      loss += target * (logTotal - logits[c]!);
      logitsGradient[c] = Math.exp(logits[c]! - logTotal) - target;
    }
    denseBackward(hiddenValues, classes.weight.values, logitsGradient, classes.weight.gradient, classes.bias.gradient, hiddenGradient);
    for (let h = 0; h < HIDDEN; h++) if (hiddenSums[h]! <= 0) hiddenGradient[h] = 0;
    denseBackward(features, hidden.weight.values, hiddenGradient, hidden.weight.gradient, hidden.bias.gradient, featuresGradient);
    reluPoolBackward(featuresGradient, CHANNELS_2, HALF, 0, winners2, map2Gradient);
    padded2Gradient.fill(0);
    convBackward(padded2, CHANNELS_1, HALF, conv2.weight.values, map2Gradient, CHANNELS_2, conv2.weight.gradient, conv2.bias.gradient, padded2Gradient);
    reluPoolBackward(padded2Gradient, CHANNELS_1, IMAGE_SIDE, 1, winners1, map1Gradient);
    convBackward(padded1, 1, IMAGE_SIDE, conv1.weight.values, map1Gradient, CHANNELS_1, conv1.weight.gradient, conv1.bias.gradient, null);
    return loss;
  };

  return { parameters: [conv1, conv2, hidden, classes].flatMap(({ weight, bias }) => [weight, bias]), infer, learn };
}

function layer(name: string, shape: readonly number[], random: Random): { weight: Parameter; bias: Parameter } {
  const weight = parameter(`${name}.weight`, shape);
  const fanIn = weight.values.length / shape[0]!;
  const deviation = Math.sqrt(2 / fanIn);
  for (let at = 0; at < weight.values.length; at++) weight.values[at] = deviation * random.normal();
  return { weight, bias: parameter(`${name}.bias`, [shape[0]!]) };
}

function parameter(name: string, shape: readonly number[]): Parameter {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { name, shape, values: new Float64Array(size), gradient: new Float64Array(size) };
}
