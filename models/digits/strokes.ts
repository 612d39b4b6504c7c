import { GainsayError } from "../../protocol/errors.ts";
import type { Random } from "./random.ts";

/**
 * A point of a stroke: x to the right, y down, the digit about 1 high and 0.7 wide.
 * A third entry marks a corner, where the smooth curve through the points breaks.
 */
export type StrokePoint = readonly [x: number, y: number, corner?: "corner"];
export type Stroke = readonly StrokePoint[];
type Template = (random: Random) => Stroke[];

const C = "corner";

/** Points on an ellipse, angles in degrees: 0 is right, 90 is down. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number, count = 9): Stroke {
  return Array.from({ length: count + 1 }, (_, index): StrokePoint => {
    const angle = ((from + ((to - from) * index) / count) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}

const zero: Template[] = [
  (r) => {
    const start = r.uniform(-130, -50);
    return [arc(0.4, 0.5, r.uniform(0.24, 0.48), 0.5, start, start - 360 - r.uniform(-25, 40))];
  },
  (r) => {
    // The closing end runs into the inside, or past the start.
    const ring = arc(0.4, 0.5, r.uniform(0.28, 0.46), 0.5, -70, -400);
    return [[...ring, [r.uniform(0.35, 0.6), r.uniform(-0.06, 0.14)]]];
  },
  (r) => {
    const start = r.uniform(-140, -90);
    return [arc(0.4, 0.5, r.uniform(0.24, 0.45), 0.5, start, start + 360 + r.uniform(-20, 45))];
  },
];

const one: Template[] = [
  (r) => [[[0.35, 0], [0.35 + r.uniform(-0.03, 0.03), 0.5], [0.35, 1]]],
  (r) => [[[0.35, 0], [0.35 + r.uniform(-0.03, 0.03), 0.5], [0.35, 1]]],
  (r) => {
    const reach = r.uniform(0.06, 0.26);
    return [[[0.4 - reach, reach * r.uniform(0.7, 1.3)], [0.4, 0, C], [0.4, 1]]];
  },
  (r) => {
    const reach = r.uniform(0.08, 0.24);
    const foot = r.uniform(0.14, 0.3);
    return [
      [[0.4 - reach, reach], [0.4, 0, C], [0.4, 1]],
      [[0.4 - foot, 1], [0.4 + foot, 1]],
    ];
  },
];

const two: Template[] = [
  (r) => [
    [
      [0.05, r.uniform(0.14, 0.32)], [0.2, 0.05], [0.42, 0.02], [0.6, 0.2], [0.52, 0.48], [0.28, 0.75],
      [0.03, 0.98, C], [0.35, 0.96], [r.uniform(0.55, 0.85), r.uniform(0.93, 1)],
    ],
  ],
  (r) => [
    [
      [0.08, r.uniform(0.12, 0.28)], [0.28, 0.02], [0.55, 0.1], [0.58, 0.35], [0.4, 0.65], [0.18, 0.92], [0.05, 0.95],
      [0.03, r.uniform(0.74, 0.84)], [0.15, 0.76], [0.32, 0.88], [0.5, 0.98], [r.uniform(0.65, 0.85), r.uniform(0.84, 0.98)],
    ],
  ],
  (r) => [
    [
      [0.05, 0.3], [0.25, 0.03], [0.52, 0.08], [0.58, 0.3], [0.38, 0.6], [0.1, 0.9], [0.12, 0.98], [0.34, 0.95],
      [r.uniform(0.55, 0.8), r.uniform(0.9, 1)],
    ],
  ],
  (r) => [
    // A short, flat head on a long diagonal.
    [
      [0.1, r.uniform(0.06, 0.16)], [0.34, 0], [0.56, 0.1], [0.54, 0.3], [0.02, 0.97, C], [r.uniform(0.6, 0.8), r.uniform(0.92, 1)],
    ],
  ],
];

const three: Template[] = [
  (r) => [
    [
      [0.05, r.uniform(0.06, 0.18)], [0.28, 0], [0.55, 0.1], [0.5, 0.34], [r.uniform(0.15, 0.36), 0.47, C], [0.52, 0.55],
      [0.62, 0.75], [0.4, 0.98], [0.15, 0.97], [0.02, r.uniform(0.8, 0.92)],
    ],
  ],
  (r) => [
    [
      [0.08, 0.02], [0.56, 0.02, C], [r.uniform(0.22, 0.34), 0.4, C], [0.55, 0.5], [0.62, 0.75], [0.4, 0.98],
      [0.05, r.uniform(0.84, 0.96)],
    ],
  ],
  (r) => [
    [
      [0.06, 0.14], [0.28, 0], [0.54, 0.1], [0.5, 0.34], [0.32, 0.48], [r.uniform(0.16, 0.26), 0.45], [0.32, 0.41],
      [0.52, 0.54], [0.6, 0.76], [0.4, 0.98], [0.15, 0.98], [0.02, r.uniform(0.82, 0.94)],
    ],
  ],
  (r) => [
    // Shallow waist.
    [
      [0.04, 0.06], [0.34, 0], [0.56, 0.16], [r.uniform(0.34, 0.42), 0.44, C], [0.56, 0.6], [0.54, 0.82], [0.3, 0.99],
      [0.0, r.uniform(0.9, 1)],
    ],
  ],
];

const four: Template[] = [
  (r) => [
    [[r.uniform(0.08, 0.2), 0.02], [0.05, 0.35], [0.06, r.uniform(0.46, 0.6), C], [r.uniform(0.52, 0.75), 0.5]],
    [[0.52, r.uniform(-0.06, 0.14)], [r.uniform(0.42, 0.54), 1]],
  ],
  (r) => [
    [[0.1, r.uniform(0, 0.12)], [0.05, 0.36], [0.15, 0.54], [0.36, 0.53], [r.uniform(0.5, 0.56), 0.42]],
    [[0.58, r.uniform(-0.05, 0.08)], [0.53, 0.48], [r.uniform(0.42, 0.52), 1]],
  ],
  (r) => {
    const bar = r.uniform(0.58, 0.7);
    return [[[0.5, 1], [0.5, 0, C], [0.03, bar, C], [r.uniform(0.6, 0.8), bar + r.uniform(-0.04, 0.04)]]];
  },
  (r) => [
    [[0.42, 0], [0.03, 0.6, C], [r.uniform(0.6, 0.78), r.uniform(0.56, 0.62)]],
    [[0.46, r.uniform(0.22, 0.4)], [0.44, 1]],
  ],
  (r) => [
    // In one go: down, across, up and down the stem.
    [[0.1, 0.08], [0.04, 0.5], [0.2, 0.58], [0.5, r.uniform(0.3, 0.44)], [0.58, r.uniform(0, 0.14), C], [0.5, 0.6], [0.48, 1]],
  ],
];

const five: Template[] = [
  (r) => {
    const bar = r.uniform(0.4, 0.78);
    const neck = r.uniform(0.3, 0.5);
    return [
      [
        [bar, r.uniform(-0.06, 0.06)], [0.18, 0.03, C], [0.13, neck, C], [0.4, neck + r.uniform(-0.08, 0.03)], [0.6, 0.62],
        [0.5, 0.88], [0.25, 1], [r.uniform(-0.1, 0.06), r.uniform(0.86, 0.99)],
      ],
    ];
  },
  (r) => [
    [[0.16, 0.06], [0.12, 0.44, C], [0.4, r.uniform(0.38, 0.46)], [0.58, 0.62], [0.48, 0.9], [0.22, 1], [0.0, r.uniform(0.86, 0.98)]],
    [[0.15, r.uniform(0.0, 0.1)], [r.uniform(0.5, 0.8), r.uniform(-0.05, 0.06)]],
  ],
  (r) => [
    [
      [r.uniform(0.5, 0.72), r.uniform(0, 0.1)], [0.3, 0.03], [0.15, 0.16], [0.2, 0.38], [0.46, 0.52], [0.56, 0.74],
      [0.38, 0.97], [0.04, r.uniform(0.86, 0.96)],
    ],
  ],
  (r) => [
    // A slanting neck under a long bar, with a small belly.
    [
      [r.uniform(0.7, 0.95), r.uniform(-0.06, 0.04)], [0.3, 0.06, C], [0.16, 0.4, C], [0.4, 0.46], [0.52, 0.64],
      [0.42, 0.86], [0.2, 0.98], [-0.05, r.uniform(0.92, 1)],
    ],
  ],
];

const six: Template[] = [
  (r) => [
    [
      [r.uniform(0.4, 0.58), 0.02], [0.25, 0.2], [0.07, 0.55], [0.1, 0.88], [0.32, 1], [0.55, 0.85], [0.52, 0.62],
      [0.3, 0.55], [0.1, r.uniform(0.66, 0.78)],
    ],
  ],
  (r) => [
    [
      [r.uniform(0.24, 0.5), 0], [0.15, 0.42], [0.06, 0.75], [0.2, 0.98], [0.42, 0.95], [0.5, 0.76], [0.35, 0.6],
      [0.15, 0.68], [0.08, 0.8],
    ],
  ],
  (r) => [
    [
      [0.62, r.uniform(0.06, 0.2)], [0.44, 0], [0.2, 0.16], [0.06, 0.55], [0.14, 0.9], [0.36, 0.99], [0.56, 0.8],
      [0.42, 0.56], [0.2, 0.58], [0.08, 0.74],
    ],
  ],
  (r) => [
    // A small, low loop that does not quite close.
    [[r.uniform(0.3, 0.5), 0], [0.12, 0.4], [0.06, 0.8], [0.24, 1], [0.46, 0.9], [0.44, 0.7], [0.28, 0.66], [r.uniform(0.12, 0.2), 0.8]],
  ],
];

const seven: Template[] = [
  (r) => [[[0.03, r.uniform(0.0, 0.1)], [0.35, 0.04], [0.62, 0.03, C], [0.42, 0.5], [r.uniform(0.18, 0.36), 1]]],
  (r) => [
    [[0.03, r.uniform(0.0, 0.1)], [0.35, 0.04], [0.62, 0.03, C], [0.42, 0.5], [r.uniform(0.2, 0.34), 1]],
    [[r.uniform(0.12, 0.24), r.uniform(0.46, 0.54)], [r.uniform(0.54, 0.68), r.uniform(0.44, 0.52)]],
  ],
  (r) => [[[0.04, r.uniform(0.14, 0.26)], [0.05, 0.05, C], [0.62, 0.04, C], [0.38, 0.52], [r.uniform(0.22, 0.34), 1]]],
  (r) => [[[0.03, r.uniform(0.06, 0.2)], [0.3, 0.02], [0.55, 0.05], [0.58, 0.16], [0.44, 0.5], [r.uniform(0.26, 0.4), 1]]],
];

const eight: Template[] = [
  (r) => [
    [
      [0.55, 0.15], [0.32, 0], [0.12, 0.15], [0.2, 0.38], [0.45, 0.55], [0.58, 0.78], [0.35, 1], [0.1, 0.82],
      [0.2, 0.58], [0.45, 0.38], [0.57, 0.2], [r.uniform(0.48, 0.56), r.uniform(0.04, 0.14)],
    ],
  ],
  (r) => [
    arc(0.33, 0.24, r.uniform(0.16, 0.24), 0.24, -90, 280),
    arc(0.33, 0.74, r.uniform(0.2, 0.3), 0.26, -90, 280),
  ],
  (r) => [
    // The top stays open where start and end meet.
    [
      [r.uniform(0.5, 0.62), 0.06], [0.3, 0.0], [0.12, 0.16], [0.26, 0.42], [0.46, 0.6], [0.5, 0.84], [0.28, 1],
      [0.08, 0.84], [0.2, 0.6], [0.42, 0.4], [0.62, r.uniform(0.06, 0.2)],
    ],
  ],
  (r) => [
    // Drawn from the crossing, with a slim lower loop.
    [
      [0.3, 0.48], [0.1, 0.26], [0.24, 0.02], [0.48, 0.06], [0.5, 0.26], [0.3, 0.48], [r.uniform(0.1, 0.18), 0.76],
      [0.26, 1], [0.46, 0.88], [0.46, 0.68], [0.28, 0.46],
    ],
  ],
];

const nine: Template[] = [
  (r) => [
    [
      [0.52, 0.2], [0.35, 0.02], [0.1, 0.15], [0.08, 0.38], [0.28, 0.48], [0.5, 0.3], [0.54, r.uniform(0.04, 0.14), C],
      [0.5, 0.6], [r.uniform(0.38, 0.52), 1],
    ],
  ],
  (r) => [
    [
      [0.52, 0.18], [0.32, 0.02], [0.08, 0.16], [0.1, 0.4], [0.32, 0.48], [0.52, 0.3], [0.56, 0.1, C], [0.55, 0.6],
      [0.4, 0.95], [r.uniform(0.06, 0.2), r.uniform(0.9, 0.99)],
    ],
  ],
  (r) => [
    [
      [0.5, r.uniform(0.06, 0.16)], [0.28, 0.02], [0.08, 0.24], [0.2, 0.45], [0.44, 0.36], [0.53, 0.14], [0.5, 0.55],
      [r.uniform(0.28, 0.46), 1],
    ],
  ],
  (r) => [
    arc(0.3, 0.25, r.uniform(0.2, 0.28), 0.24, -30, -395),
    [[0.54, r.uniform(0.06, 0.2)], [0.52, 0.6], [r.uniform(0.36, 0.54), 1]],
  ],
];

const templates: readonly Template[][] = [zero, one, two, three, four, five, six, seven, eight, nine];

/** The strokes of one way to write a digit (0 to 9), chosen and proportioned by the random source. */
export function digitStrokes(digit: number, random: Random): Stroke[] {
  const variants = templates[digit];
  if (variants === undefined) {
    throw new GainsayError(`Give a digit from 0 to 9, not ${digit}.`, { code: "DIGITS_NOT_A_DIGIT", kind: "usage", details: { digit } });
  }
  return variants[random.below(variants.length)]!(random);
}
