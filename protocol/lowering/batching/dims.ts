/** A size, or undefined if it is not known. */
export type Dim = number | undefined;
export type Dims = readonly Dim[];

/** The number of elements; undefined if it is not known. */
export function countOf(dims: Dims): number | undefined {
  return dims.reduce<Dim>((product, size) => (product === undefined || size === undefined ? undefined : product * size), 1);
}

/** The shape that two are broadcast to, by ONNX's rules: aligned at the last axis. */
export function broadcast(a: Dims, b: Dims): Dims {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const shift = long.length - short.length;
  return long.map((size, axis) => {
    const other = axis < shift ? 1 : short[axis - shift];
    return size === 1 ? other : other === 1 || other === size ? size : undefined;
  });
}

export function isKnown(dims: Dims): dims is readonly number[] {
  return dims.every((size) => size !== undefined);
}
