import { buildOnnx, floats, int64s, noise, op } from "./onnxBuilder.ts";

const ROWS = 256;
const WIDE = 256;
/** Rows of the table, to which an index may lead. */
export const CHOICES = 5;

/** Chooses a row of a table for each row of x, and of another one long after that. Both the indices and what is made of the rows are outputs. */
export function gatherModel(): Uint8Array {
  const matrix = (name: string, rows: number, columns: number, seed: number) => floats(name, [rows, columns], noise(rows * columns, seed).map((value) => value / Math.sqrt(rows)));
  return buildOnnx({
    inputs: { x: [ROWS, 8] },
    initializers: [matrix("choose", 8, CHOICES, 1), matrix("table", CHOICES, WIDE, 2), matrix("mix", WIDE, WIDE, 3), matrix("narrow", WIDE, 2, 4), matrix("widen", 2, WIDE, 5), matrix("mixAgain", WIDE, WIDE, 6), matrix("late", CHOICES, 2, 7), matrix("last", WIDE, 2, 8)],
    nodes: [
      op("MatMul", ["x", "choose"], ["logits"]),
      op("ArgMax", ["logits"], ["best"], { axis: { int: 1 }, keepdims: { int: 0 } }),
      op("Gather", ["table", "best"], ["rows"], { axis: { int: 0 } }),
      op("MatMul", ["rows", "mix"], ["mixed"]),
      op("MatMul", ["mixed", "narrow"], ["few"]),
      op("MatMul", ["few", "widen"], ["wide"]),
      op("MatMul", ["wide", "mixAgain"], ["mixedAgain"]),
      op("MatMul", ["mixedAgain", "last"], ["fewAgain"]),
      op("Gather", ["late", "best"], ["lateRows"], { axis: { int: 0 } }),
      op("Add", ["fewAgain", "lateRows"], ["y"]),
    ],
    outputs: ["y", "best"],
    outputTypes: { best: 7 },
  });
}

/** The same with the indices inside. */
export function hiddenGatherModel(): Uint8Array {
  const matrix = (name: string, rows: number, columns: number, seed: number) => floats(name, [rows, columns], noise(rows * columns, seed));
  return buildOnnx({
    inputs: { x: [4, 6] },
    initializers: [matrix("choose", 6, CHOICES, 1), matrix("table", CHOICES, 3, 2), matrix("last", 3, 2, 3)],
    nodes: [
      op("MatMul", ["x", "choose"], ["logits"]),
      op("ArgMax", ["logits"], ["best"], { axis: { int: 1 }, keepdims: { int: 0 } }),
      op("Gather", ["table", "best"], ["rows"], { axis: { int: 0 } }),
      op("MatMul", ["rows", "last"], ["y"]),
    ],
    outputs: ["y"],
  });
}

/** Divides by an integer that is computed. */
export function remainderModel(operator: "Mod" | "Div"): Uint8Array {
  return buildOnnx({
    inputs: { x: [4, 6] },
    initializers: [floats("choose", [6, CHOICES], noise(30, 1)), floats("last", [4, 3], noise(12, 2)), int64s("one", [1]), int64s("seven", [7])],
    nodes: [
      op("MatMul", ["x", "choose"], ["logits"]),
      op("ArgMax", ["logits"], ["best"], { axis: { int: 1 }, keepdims: { int: 0 } }),
      op("Add", ["best", "one"], ["divisor"]),
      op(operator, ["seven", "divisor"], ["q"]),
      op("Cast", ["q"], ["f"], { to: { int: 1 } }),
      op("MatMul", ["f", "last"], ["y"]),
    ],
    outputs: ["y"],
  });
}
