import { expect, test } from "vitest";
import { createNetwork } from "../../models/digits/network.ts";
import { createRandom } from "../../models/digits/random.ts";
import { synthesizeDigit } from "../../models/digits/synthesize.ts";

// Small enough that no activation crosses a kink of Relu or of the maximum on the way.
const STEP = 1e-7;
const SMOOTHING = 0.1;

test("the gradients agree with central differences of the loss", () => {
  const random = createRandom(3);
  const network = createNetwork(random);
  // With a bias of zero the black ground sits exactly on the kink of Relu, where the loss has no derivative.
  for (const { shape, values } of network.parameters) {
    if (shape.length === 1) for (let at = 0; at < values.length; at++) values[at] = 0.1 * random.normal();
  }
  const label = 6;
  const image = synthesizeDigit(label, random);
  network.learn(image, label, SMOOTHING);
  const gradients = network.parameters.map(({ gradient }) => gradient.slice());

  const loss = (values: Float64Array, at: number, value: number): number => {
    const before = values[at]!;
    values[at] = value;
    const result = network.learn(image, label, SMOOTHING);
    values[at] = before;
    return result;
  };

  for (const [index, { name, values }] of network.parameters.entries()) {
    let largest = 0;
    for (let trial = 0; trial < 40; trial++) {
      const at = random.below(values.length);
      const centre = values[at]!;
      const slope = (loss(values, at, centre + STEP) - loss(values, at, centre - STEP)) / (2 * STEP);
      expect(Math.abs(gradients[index]![at]! - slope), `${name}[${at}]`).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
      largest = Math.max(largest, Math.abs(slope));
    }
    expect(largest, name).toBeGreaterThan(1e-4);
  }
});
