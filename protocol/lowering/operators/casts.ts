import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isFloat, isHalf } from "../../program/elements.ts";
import { dtypes } from "../../program/types.ts";
import { inScope, integerRange, isInteger, Refusal, type View } from "../draft.ts";
import { formula, opcodes, type Expression } from "../expression.ts";
import type { Lowering } from "../lowering.ts";

type Formula = Expression<View>;

/** Cast and CastLike between floats, integers and bool. */
export function lowerCast(node: NodeProto, lowering: Lowering): void {
  const from = lowering.typeOf(node.input[0]!).dtype;
  const to = lowering.typeOf(node.output[0]!).dtype;
  if (!inScope(from) || !inScope(to)) throw new Refusal(`it converts element type ${from} to ${to}; floats of 16 and 32 bits, integers of 8 to 64 and bool are supported`);
  if (from === to) return lowering.defineAlias(node.output[0]!, node.input[0]!);
  const inputs = [{ name: node.input[0]!, leaf: !isInteger(from) }];
  if (isHalf(to)) return lowering.defineElementwise(node, inputs, ([x]) => formula.rounded(x!, to));
  // A bool that is taken into what reads it is not committed, so nothing else would make it 0 or 1.
  if (isInteger(from)) return lowering.defineElementwise(node, inputs, ([x]) => (to === dtypes.bool ? formula.apply(opcodes.not, formula.apply(opcodes.not, x!)) : x!), { integer: "any" });
  if (isFloat(to)) return lowering.defineElementwise(node, [{ name: node.input[0]! }], ([x]) => x!);
  if (to === dtypes.bool) return lowering.defineElementwise(node, inputs, ([x]) => formula.apply(opcodes.not, formula.apply(opcodes.equal, x!, formula.constant<View>(0))), { converts: true });
  lowering.defineElementwise(node, inputs, ([x]) => truncated(x!, ...integerRange(to)), { converts: true });
}

/** Truncation where the integer type has what comes out; elsewhere machines disagree, and any integer is sound. */
function truncated(x: Formula, least: bigint, greatest: bigint): Formula {
  const below = Number(least) - 1;
  // Of the larger types there is no float between the two.
  const low = Math.fround(below) === below && below < Number(least) ? formula.apply(opcodes.less, formula.constant<View>(below), x) : formula.apply(opcodes.lessOrEqual, formula.constant<View>(Number(least)), x);
  const high = formula.apply(opcodes.less, x, formula.constant<View>(Number(greatest + 1n)));
  return formula.apply(opcodes.select, formula.apply(opcodes.and, low, high), formula.apply(opcodes.truncate, x), formula.constant<View>(Number.NaN));
}
