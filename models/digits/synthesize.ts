import type { Random } from "./random.ts";
import { digitStrokes, type Stroke } from "./strokes.ts";

/** Width and height of an image, in pixels. */
export const IMAGE_SIDE = 28;
const BOX_SIDE = 20;
const SAMPLES_PER_SPAN = 7;

interface Path {
  readonly xs: number[];
  readonly ys: number[];
}

/**
 * Draws one handwriting-like digit: 28×28 grey values 0..255, row-major, light ink on a black ground.
 * As in MNIST (LeCun et al. 1998) the ink fits a 20×20 box and its centre of mass is in the middle of the image.
 * The result depends on nothing but the digit and the state of the random source.
 */
export function synthesizeDigit(digit: number, random: Random): Uint8Array {
  const paths = digitStrokes(digit, random).map((stroke) => trim(trace(jitter(stroke, random)), random));
  distort(paths, digit, random);
  // In pixels: from a fine pen to a felt tip.
  const radius = 0.8 + 1.3 * random.next() ** 1.3;
  fitBox(paths, BOX_SIDE - 2 * radius + 0.6);
  const ink = render(paths, radius, random);
  return develop(centre(ink), random);
}

/** Moves every control point a little, and the stroke as a whole, so that no two digits of a template are alike. */
function jitter(stroke: Stroke, random: Random): Stroke {
  const slipX = 0.015 * random.normal();
  const slipY = 0.015 * random.normal();
  // Many points on a short way would turn the same spread into a zigzag.
  const spread = random.uniform(0.006, 0.055) * Math.min(1, 6 / stroke.length);
  return stroke.map(([x, y, corner]) => {
    const moved = [x + slipX + spread * random.normal(), y + slipY + spread * random.normal()] as const;
    return corner === undefined ? moved : [...moved, corner];
  });
}

/** Catmull–Rom curve through the points of each run between corners. */
function trace(stroke: Stroke): Path {
  const path: Path = { xs: [], ys: [] };
  let start = 0;
  for (let end = 1; end < stroke.length; end++) {
    if (end < stroke.length - 1 && stroke[end]![2] === undefined) continue;
    for (let index = start; index < end; index++) {
      const p1 = stroke[index]!;
      const p2 = stroke[index + 1]!;
      const p0 = index > start ? stroke[index - 1]! : p1;
      const p3 = index + 1 < end ? stroke[index + 2]! : p2;
      for (let step = 0; step < SAMPLES_PER_SPAN; step++) {
        const t = step / SAMPLES_PER_SPAN;
        path.xs.push(catmullRom(p0[0], p1[0], p2[0], p3[0], t));
        path.ys.push(catmullRom(p0[1], p1[1], p2[1], p3[1], t));
      }
    }
    start = end;
  }
  const last = stroke[stroke.length - 1]!;
  path.xs.push(last[0]);
  path.ys.push(last[1]);
  return path;
}

/** Lifts the pen a little early, or puts it down a little late. */
function trim({ xs, ys }: Path, random: Random): Path {
  const start = Math.floor(xs.length * 0.07 * random.next());
  const end = xs.length - Math.floor(xs.length * 0.07 * random.next());
  return { xs: xs.slice(start, end), ys: ys.slice(start, end) };
}

function catmullRom(p0: number, p1: number, p2: number, p3: number, t: number): number {
  const linear = p2 - p0;
  const quadratic = 2 * p0 - 5 * p1 + 4 * p2 - p3;
  const cubic = 3 * p1 - p0 - 3 * p2 + p3;
  return p1 + 0.5 * t * (linear + t * (quadratic + t * cubic));
}

/** Proportion, slow waves, slant, rotation: in that order, in place. */
function distort(paths: Path[], digit: number, random: Random): void {
  const bendX = Math.exp(random.uniform(-0.28, 0.28));
  const bendY = Math.exp(random.uniform(-0.36, 0.36));
  const strength = random.uniform(0.008, 0.055);
  const waves = Array.from({ length: 3 }, () => ({
    alongX: random.uniform(-5, 5),
    alongY: random.uniform(-5, 5),
    phase: random.uniform(0, 2 * Math.PI),
    shiftX: strength * random.normal(),
    shiftY: strength * random.normal(),
  }));
  const width = Math.exp(random.uniform(-0.35, 0.38));
  const angle = random.uniform(-15, 15) * (Math.PI / 180);
  // Writers slant a 1 further than any other digit; most slant to the right.
  const shear = digit === 1 ? random.uniform(-0.3, 0.6) : random.uniform(-0.28, 0.55);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  for (const { xs, ys } of paths) {
    for (let index = 0; index < xs.length; index++) {
      let x = power(xs[index]! / 0.7, bendX) * 0.7 - 0.35;
      let y = power(ys[index]!, bendY) - 0.5;
      let offsetX = 0;
      let offsetY = 0;
      for (const wave of waves) {
        const height = Math.sin(wave.alongX * x + wave.alongY * y + wave.phase);
        offsetX += wave.shiftX * height;
        offsetY += wave.shiftY * height;
      }
      x = (x + offsetX) * width;
      y += offsetY;
      x -= shear * y;
      xs[index] = cos * x - sin * y;
      ys[index] = sin * x + cos * y;
    }
  }
}

function power(value: number, exponent: number): number {
  return value > 0 ? value ** exponent : value;
}

/** Scales the centre lines so that their longer side has the given length in pixels, and moves them to the middle. */
function fitBox(paths: Path[], side: number): void {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (const { xs, ys } of paths) {
    for (let index = 0; index < xs.length; index++) {
      left = Math.min(left, xs[index]!);
      right = Math.max(right, xs[index]!);
      top = Math.min(top, ys[index]!);
      bottom = Math.max(bottom, ys[index]!);
    }
  }
  const scale = side / Math.max(right - left, bottom - top);
  for (const { xs, ys } of paths) {
    for (let index = 0; index < xs.length; index++) {
      xs[index] = (xs[index]! - (left + right) / 2) * scale + IMAGE_SIDE / 2;
      ys[index] = (ys[index]! - (top + bottom) / 2) * scale + IMAGE_SIDE / 2;
    }
  }
}

/** Coverage 0..1 of each pixel by a pen whose pressure varies along the stroke. */
function render(paths: Path[], radius: number, random: Random): Float64Array {
  const ink = new Float64Array(IMAGE_SIDE * IMAGE_SIDE);
  const softness = random.uniform(0.8, 1.5);
  const swing = random.uniform(0, 0.35);
  const pace = random.uniform(0.05, 0.3);
  for (const { xs, ys } of paths) {
    const phase = random.uniform(0, 2 * Math.PI);
    for (let index = 0; index + 1 < xs.length; index++) {
      const pen = radius * (1 + swing * Math.sin(phase + pace * index));
      inkSegment(ink, xs[index]!, ys[index]!, xs[index + 1]!, ys[index + 1]!, pen, softness);
    }
  }
  return ink;
}

function inkSegment(ink: Float64Array, x0: number, y0: number, x1: number, y1: number, pen: number, softness: number): void {
  const reach = pen + softness;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squared = dx * dx + dy * dy || 1e-12;
  const lowX = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
  const highX = Math.min(IMAGE_SIDE - 1, Math.ceil(Math.max(x0, x1) + reach));
  const lowY = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
  const highY = Math.min(IMAGE_SIDE - 1, Math.ceil(Math.max(y0, y1) + reach));
  for (let row = lowY; row <= highY; row++) {
    for (let column = lowX; column <= highX; column++) {
      const px = column + 0.5 - x0;
      const py = row + 0.5 - y0;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
      const distance = Math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2);
      const coverage = Math.min(1, (pen - distance) / softness + 0.5);
      const at = row * IMAGE_SIDE + column;
      if (coverage > ink[at]!) ink[at] = coverage;
    }
  }
}

/** Shifts by whole pixels until the centre of mass lies in the middle. */
function centre(ink: Float64Array): Float64Array {
  let mass = 0;
  let momentX = 0;
  let momentY = 0;
  for (let at = 0; at < ink.length; at++) {
    mass += ink[at]!;
    momentX += ink[at]! * ((at % IMAGE_SIDE) + 0.5);
    momentY += ink[at]! * (Math.floor(at / IMAGE_SIDE) + 0.5);
  }
  return shifted(ink, Math.round(IMAGE_SIDE / 2 - momentX / mass), Math.round(IMAGE_SIDE / 2 - momentY / mass));
}

function shifted(ink: Float64Array, right: number, down: number): Float64Array {
  const result = new Float64Array(ink.length);
  for (let row = Math.max(0, down); row < Math.min(IMAGE_SIDE, IMAGE_SIDE + down); row++) {
    for (let column = Math.max(0, right); column < Math.min(IMAGE_SIDE, IMAGE_SIDE + right); column++) {
      result[row * IMAGE_SIDE + column] = ink[(row - down) * IMAGE_SIDE + column - right]!;
    }
  }
  return result;
}

/** A careless centring now and then, blur, ink strength, grain; quantised to bytes. */
function develop(centred: Float64Array, random: Random): Uint8Array {
  const careless = random.chance(0.4);
  const ink = careless ? shifted(centred, random.below(3) - 1, random.below(3) - 1) : centred;
  const blur = random.uniform(0, 0.14);
  const gain = random.uniform(0.85, 1.25);
  const grain = random.chance(0.25) ? random.uniform(0, 10) : 0;
  const soft = smooth(smooth(ink, blur, 1), blur, IMAGE_SIDE);
  const image = new Uint8Array(soft.length);
  for (let at = 0; at < soft.length; at++) {
    const noise = grain > 0 ? grain * random.normal() : 0;
    image[at] = Math.max(0, Math.min(255, Math.round(Math.min(1, soft[at]! * gain) * 255 + noise)));
  }
  return image;
}

/** One pass of the kernel [b, 1 − 2b, b] along rows (stride 1) or columns (stride 28); outside is black. */
function smooth(ink: Float64Array, b: number, stride: number): Float64Array {
  const result = new Float64Array(ink.length);
  for (let at = 0; at < ink.length; at++) {
    const place = stride === 1 ? at % IMAGE_SIDE : Math.floor(at / IMAGE_SIDE);
    const before = place > 0 ? ink[at - stride]! : 0;
    const after = place < IMAGE_SIDE - 1 ? ink[at + stride]! : 0;
    result[at] = (1 - 2 * b) * ink[at]! + b * (before + after);
  }
  return result;
}
