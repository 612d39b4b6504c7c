/**
 * Forward and backward passes of the layers the classifier needs, one image at a time, in float64.
 * Planes are square and row-major. What a convolution reads has a border of one zero on each side: a plane of `side`
 * takes (side + 2)² values there.
 */

/** 3×3 convolution with padding 1. `weights` is [outputs, inputs, 3, 3]; `output` is [outputs, side, side]. */
export function convForward(
  input: Float64Array, inputs: number, side: number,
  weights: Float64Array, bias: Float64Array, output: Float64Array, outputs: number,
): void {
  const pitch = side + 2;
  for (let o = 0; o < outputs; o++) {
    const to = o * side * side;
    output.fill(bias[o]!, to, to + side * side);
    for (let i = 0; i < inputs; i++) {
      const w = (o * inputs + i) * 9;
      const w0 = weights[w]!, w1 = weights[w + 1]!, w2 = weights[w + 2]!;
      const w3 = weights[w + 3]!, w4 = weights[w + 4]!, w5 = weights[w + 5]!;
      const w6 = weights[w + 6]!, w7 = weights[w + 7]!, w8 = weights[w + 8]!;
      for (let row = 0; row < side; row++) {
        let a = i * pitch * pitch + row * pitch;
        let b = a + pitch;
        let c = b + pitch;
        const start = to + row * side;
        for (let at = start; at < start + side; at++, a++, b++, c++) {
          output[at]! +=
            w0 * input[a]! + w1 * input[a + 1]! + w2 * input[a + 2]! +
            w3 * input[b]! + w4 * input[b + 1]! + w5 * input[b + 2]! +
            w6 * input[c]! + w7 * input[c + 1]! + w8 * input[c + 2]!;
        }
      }
    }
  }
}

/** Adds the gradients of `convForward`; `inputGradient` is padded like the input, or null where nobody needs it. */
export function convBackward(
  input: Float64Array, inputs: number, side: number, weights: Float64Array,
  gradient: Float64Array, outputs: number,
  weightGradient: Float64Array, biasGradient: Float64Array, inputGradient: Float64Array | null,
): void {
  const pitch = side + 2;
  const corners = new Int32Array(side * side);
  const values = new Float64Array(side * side);
  for (let o = 0; o < outputs; o++) {
    // Behind a pooling layer at most a quarter of the gradient is not zero.
    let count = 0;
    for (let at = 0; at < side * side; at++) {
      const value = gradient[o * side * side + at]!;
      if (value === 0) continue;
      corners[count] = Math.floor(at / side) * pitch + (at % side);
      values[count++] = value;
      biasGradient[o]! += value;
    }
    for (let i = 0; i < inputs; i++) {
      const w = (o * inputs + i) * 9;
      const plane = i * pitch * pitch;
      for (let ky = 0; ky < 3; ky++) {
        for (let kx = 0; kx < 3; kx++) {
          const tap = w + ky * 3 + kx;
          const shift = plane + ky * pitch + kx;
          let sum = 0;
          for (let n = 0; n < count; n++) sum += values[n]! * input[corners[n]! + shift]!;
          weightGradient[tap]! += sum;
          if (inputGradient === null) continue;
          const weight = weights[tap]!;
          for (let n = 0; n < count; n++) inputGradient[corners[n]! + shift]! += values[n]! * weight;
        }
      }
    }
  }
}

/**
 * Relu, then 2×2 maximum with stride 2. The result has `border` zeros (0 or 1) around each plane;
 * `winners` keeps the position of each maximum, or −1 where Relu cut it off.
 */
export function reluPoolForward(
  input: Float64Array, planes: number, side: number, output: Float64Array, border: number, winners: Int32Array,
): void {
  const half = side / 2;
  const pitch = half + 2 * border;
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < half; row++) {
      for (let column = 0; column < half; column++) {
        const first = plane * side * side + row * 2 * side + column * 2;
        let winner = first;
        if (input[first + 1]! > input[winner]!) winner = first + 1;
        if (input[first + side]! > input[winner]!) winner = first + side;
        if (input[first + side + 1]! > input[winner]!) winner = first + side + 1;
        const alive = input[winner]! > 0;
        output[plane * pitch * pitch + (row + border) * pitch + column + border] = alive ? input[winner]! : 0;
        winners[(plane * half + row) * half + column] = alive ? winner : -1;
      }
    }
  }
}

/** Sends the gradient of each pooled value to its maximum; overwrites `inputGradient`. */
export function reluPoolBackward(
  gradient: Float64Array, planes: number, side: number, border: number, winners: Int32Array, inputGradient: Float64Array,
): void {
  const half = side / 2;
  const pitch = half + 2 * border;
  inputGradient.fill(0);
  for (let at = 0; at < planes * half * half; at++) {
    const winner = winners[at]!;
    if (winner < 0) continue;
    const plane = Math.floor(at / (half * half));
    const row = Math.floor(at / half) % half;
    inputGradient[winner] = gradient[plane * pitch * pitch + (row + border) * pitch + (at % half) + border]!;
  }
}

/** `output[o] = bias[o] + Σ weights[o, i] · input[i]`. */
export function denseForward(input: Float64Array, weights: Float64Array, bias: Float64Array, output: Float64Array): void {
  const inputs = input.length;
  for (let o = 0; o < output.length; o++) {
    let sum = bias[o]!;
    const row = o * inputs;
    for (let i = 0; i < inputs; i++) sum += weights[row + i]! * input[i]!;
    output[o] = sum;
  }
}

/** Adds the gradients of `denseForward` to the weights and bias; overwrites `inputGradient`. */
export function denseBackward(
  input: Float64Array, weights: Float64Array, gradient: Float64Array,
  weightGradient: Float64Array, biasGradient: Float64Array, inputGradient: Float64Array,
): void {
  const inputs = input.length;
  inputGradient.fill(0);
  for (let o = 0; o < gradient.length; o++) {
    const value = gradient[o]!;
    if (value === 0) continue;
    biasGradient[o]! += value;
    const row = o * inputs;
    for (let i = 0; i < inputs; i++) {
      weightGradient[row + i]! += value * input[i]!;
      inputGradient[i]! += value * weights[row + i]!;
    }
  }
}
