import type { Parameter } from "./network.ts";

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export interface Optimizer {
  /** Moves the parameters against the mean of the gradients collected over `batch` images, and clears them. */
  step(learningRate: number, batch: number): void;
}

/** Adam (Kingma and Ba 2015), with decoupled weight decay on tensors of two or more axes (Loshchilov and Hutter 2019). */
export function createAdam(parameters: readonly Parameter[], weightDecay: number): Optimizer {
  const states = parameters.map(({ values }) => ({
    mean: new Float64Array(values.length),
    square: new Float64Array(values.length),
  }));
  let steps = 0;
  return {
    step(learningRate, batch) {
      steps++;
      const meanScale = 1 / (1 - BETA_1 ** steps);
      const squareScale = 1 / (1 - BETA_2 ** steps);
      for (const [index, { values, gradient, shape }] of parameters.entries()) {
        const { mean, square } = states[index]!;
        const decay = shape.length > 1 ? weightDecay : 0;
        for (let at = 0; at < values.length; at++) {
          const slope = gradient[at]! / batch;
          mean[at] = BETA_1 * mean[at]! + (1 - BETA_1) * slope;
          square[at] = BETA_2 * square[at]! + (1 - BETA_2) * slope * slope;
          const move = (mean[at]! * meanScale) / (Math.sqrt(square[at]! * squareScale) + EPSILON);
          values[at]! -= learningRate * (move + decay * values[at]!);
        }
        gradient.fill(0);
      }
    },
  };
}
