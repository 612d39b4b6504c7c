import type { TensorSpec } from "../../protocol/program/types.ts";
import { dtypeName } from "../inference/tensorTypes.ts";
import { resizePlane, toGrey, type Image } from "./decodeImage.ts";
import { unfitInput, type RawTensor } from "./rawTensor.ts";

/** How pixel values 0…255 become elements: `(value·scale − mean) / std`, channel by channel; an inverted value is 255 − value first. */
export interface ImageOptions {
  /** Default 1. */
  scale?: number;
  /** One number, or one a channel; default 0. */
  mean?: number | readonly number[];
  /** One number, or one a channel; default 1. */
  std?: number | readonly number[];
  invert?: boolean;
}

interface Layout {
  channels: 1 | 3;
  height: number;
  width: number;
  channelsLast: boolean;
}

/**
 * An image as a tensor of the input's shape: [1,1,H,W] or [1,3,H,W] (also without the leading 1), or [1,H,W,C]; resized to H×W, made grey by
 * luma for one channel, channels in the order red, green, blue. Throws `INPUT_MISMATCH` if the input is no image.
 */
export function imageToTensor(file: string, spec: TensorSpec, image: Image, options: ImageOptions = {}): RawTensor {
  const layout = layoutOf(spec.shape);
  if (layout === undefined) throw unfitInput(file, spec, `an image fits inputs of shape [1, 1, H, W], [1, 3, H, W] or [1, H, W, C], not [${spec.shape.join(", ")}]`);
  const { channels, height, width, channelsLast } = layout;
  const mean = perChannel(file, spec, "mean", options.mean ?? 0, channels);
  const std = perChannel(file, spec, "std", options.std ?? 1, channels);
  if (std.some((value) => value === 0)) throw unfitInput(file, spec, "the standard deviation of an image must not be 0");
  const scale = options.scale ?? 1;
  const planes = channels === 1 ? [toGrey(image)] : image.planes;
  const values = new Float64Array(channels * height * width);
  const whole = !dtypeName(spec.dtype).includes("float");
  planes.forEach((plane, c) => {
    const resized = resizePlane(plane, image.width, image.height, width, height);
    resized.forEach((pixel, i) => {
      const value = ((options.invert === true ? 255 - pixel : pixel) * scale - mean[c]!) / std[c]!;
      values[channelsLast ? i * channels + c : c * height * width + i] = whole ? Math.round(value) : value;
    });
  });
  const notes = image.width === width && image.height === height ? [] : [`resized from ${image.width}×${image.height} to ${width}×${height}`];
  return { dtype: "float64", shape: [...spec.shape], bytes: new Uint8Array(values.buffer), decimal: true, notes };
}

function layoutOf(shape: readonly number[]): Layout | undefined {
  const [a, b, c] = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape.length === 3 ? shape : shape.length === 2 ? [1, ...shape] : [];
  if (a === undefined || b === undefined || c === undefined || a * b * c === 0) return undefined;
  if (a === 1 || a === 3) return { channels: a, height: b, width: c, channelsLast: false };
  if (c === 1 || c === 3) return { channels: c, height: a, width: b, channelsLast: true };
  return undefined;
}

function perChannel(file: string, spec: TensorSpec, name: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = typeof value === "number" ? new Array<number>(channels).fill(value) : value;
  if (list.length !== channels || list.some((entry) => !Number.isFinite(entry))) throw unfitInput(file, spec, `${name} must be one number or ${channels} numbers`);
  return list;
}
