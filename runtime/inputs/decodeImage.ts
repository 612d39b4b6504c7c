import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { badInput } from "./rawTensor.ts";

const MAX_PIXELS = 100_000_000;

/** An image as three planes of values 0 to 255, transparency laid over white. */
export interface Image {
  width: number;
  height: number;
  planes: [Float64Array, Float64Array, Float64Array];
}

/** Decodes a PNG or JPEG file of at most 100 megapixels. Throws `INPUT_MALFORMED`. */
export function decodeImage(file: string, content: Uint8Array): Image {
  const isPng = content[0] === 0x89;
  let pixels: { width: number; height: number; data: Uint8Array };
  try {
    pixels = isPng ? decodePng(content) : jpeg.decode(content, { useTArray: true, tolerantDecoding: false, maxResolutionInMP: MAX_PIXELS / 1e6, maxMemoryUsageInMB: 2048 });
  } catch (cause) {
    throw badInput(file, `is no complete ${isPng ? "PNG" : "JPEG"} image (${cause instanceof Error ? cause.message : String(cause)})`, {}, cause);
  }
  const { width, height, data } = pixels;
  const planes: Image["planes"] = [new Float64Array(width * height), new Float64Array(width * height), new Float64Array(width * height)];
  for (let i = 0; i < width * height; i++) {
    const alpha = data[i * 4 + 3]! / 255;
    planes.forEach((plane, c) => (plane[i] = data[i * 4 + c]! * alpha + 255 * (1 - alpha)));
  }
  return { width, height, planes };
}

function decodePng(content: Uint8Array): { width: number; height: number; data: Uint8Array } {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (bytes.length < 33) throw new Error("the header is cut off");
  if (bytes.readUInt32BE(16) * bytes.readUInt32BE(20) > MAX_PIXELS) throw new Error(`more than ${MAX_PIXELS} pixels`);
  return PNG.sync.read(bytes);
}

/** Luma of ITU-R BT.601, as JPEG and most model pipelines have it. */
export function toGrey(image: Image): Float64Array {
  const [red, green, blue] = image.planes;
  return red.map((value, i) => 0.299 * value + 0.587 * green[i]! + 0.114 * blue[i]!);
}

/** Resizes one plane: averages over the covered area along an axis that shrinks, interpolates linearly along one that grows. */
export function resizePlane(plane: Float64Array, width: number, height: number, toWidth: number, toHeight: number): Float64Array {
  const across = axisWeights(width, toWidth);
  const down = axisWeights(height, toHeight);
  const narrow = new Float64Array(toWidth * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) narrow[y * toWidth + x] = across[x]!.reduce((sum, [from, weight]) => sum + plane[y * width + from]! * weight, 0);
  }
  const out = new Float64Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) out[y * toWidth + x] = down[y]!.reduce((sum, [from, weight]) => sum + narrow[from * toWidth + x]! * weight, 0);
  }
  return out;
}

/** For each new position the old ones that make it, with weights that add up to 1. */
function axisWeights(from: number, to: number): [number, number][][] {
  const ratio = from / to;
  return Array.from({ length: to }, (_, i) => {
    if (ratio > 1) {
      const start = i * ratio;
      const end = Math.min(start + ratio, from);
      const covered: [number, number][] = [];
      for (let at = Math.floor(start); at < end; at++) covered.push([at, (Math.min(at + 1, end) - Math.max(at, start)) / (end - start)]);
      return covered;
    }
    const centre = Math.min(Math.max((i + 0.5) * ratio - 0.5, 0), from - 1);
    const low = Math.floor(centre);
    return [[low, 1 - (centre - low)], [Math.min(low + 1, from - 1), centre - low]];
  });
}
