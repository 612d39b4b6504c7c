import { intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import type { Window } from "../../program/types.ts";
import { Refusal } from "../draft.ts";

/** Padding before the first element of each spatial axis, from `pads` or `auto_pad`. */
export function beginPads(node: NodeProto, input: readonly number[], output: readonly number[], kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): number[] {
  const mode = stringAttribute(node, "auto_pad", "NOTSET");
  switch (mode) {
    case "NOTSET":
    case "":
      return intsAttribute(node, "pads")?.slice(0, kernel.length) ?? kernel.map(() => 0);
    case "VALID":
      return kernel.map(() => 0);
    case "SAME_UPPER":
    case "SAME_LOWER":
      return kernel.map((taps, k) => {
        const total = Math.max(0, (output[k]! - 1) * strides[k]! + (taps - 1) * dilations[k]! + 1 - input[k]!);
        return mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      });
    default:
      throw new Refusal(`its auto_pad ${JSON.stringify(mode)} is unknown`);
  }
}

/** Whether every tap lies inside, so that the window says nothing. */
export function neverLeaves(window: Window, outputs: number, taps: number): boolean {
  return window.pad <= 0 && (outputs - 1) * window.stride + (taps - 1) * window.dilation - window.pad < window.size;
}

/** Whether some position has no tap inside at all. */
export function sometimesEmpty(window: Window, outputs: number, taps: number): boolean {
  for (let o = 0; o < outputs; o++) {
    let present = false;
    for (let r = 0; r < taps && !present; r++) {
      const position = o * window.stride + r * window.dilation - window.pad;
      present = position >= 0 && position < window.size;
    }
    if (!present) return true;
  }
  return false;
}
