import { floatAttribute, stringAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { Refusal, type View } from "../draft.ts";
import { formula, opcodes, type Expression } from "../expression.ts";
import type { LowerNode } from "./maps.ts";

type Formula = Expression<View>;

const number = (value: number): Formula => formula.constant(value);
const add = (a: Formula, b: Formula): Formula => formula.apply(opcodes.add, a, b);
const sub = (a: Formula, b: Formula): Formula => formula.apply(opcodes.sub, a, b);
const mul = (a: Formula, b: Formula): Formula => formula.apply(opcodes.mul, a, b);
const div = (a: Formula, b: Formula): Formula => formula.apply(opcodes.div, a, b);
const less = (a: Formula, b: Formula): Formula => formula.apply(opcodes.less, a, b);
const select = (condition: Formula, a: Formula, b: Formula): Formula => formula.apply(opcodes.select, condition, a, b);
const call = (opcode: number, x: Formula): Formula => formula.apply(opcode, x);

/** A function of one tensor whose formula needs it several times. */
function activation(build: (x: Formula, node: NodeProto) => Formula): LowerNode {
  return (node, lowering) => {
    if (node.input.length > 1 && node.input[1] !== "") throw new Refusal("it has a bias of its own");
    lowering.defineElementwise(node, [{ name: node.input[0]!, leaf: true }], ([x]) => build(x!, node));
  };
}

function attribute(node: NodeProto, name: string, fallback: number): number {
  const value = floatAttribute(node, name, fallback);
  if (!Number.isFinite(value)) throw new Refusal(`its ${name} is not finite`);
  return value;
}

/** `x/2·(1 + erf(x/√2))`; Hendrycks and Gimpel, arXiv 1606.08415. */
const gelu = (x: Formula): Formula => mul(mul(x, number(0.5)), add(call(opcodes.erf, mul(x, number(Math.SQRT1_2))), number(1)));

const tanhGelu = (x: Formula): Formula => {
  const cubed = mul(mul(mul(x, x), x), number(0.044715));
  return mul(mul(x, number(0.5)), add(call(opcodes.tanh, mul(add(x, cubed), number(Math.sqrt(2 / Math.PI)))), number(1)));
};

const softplus = (x: Formula): Formula => add(call(opcodes.relu, x), call(opcodes.log, add(call(opcodes.exp, call(opcodes.neg, call(opcodes.abs, x))), number(1))));

/** `alpha·(exp(x/width) − 1)` below zero. */
const exponential = (x: Formula, alpha: number, width: number): Formula => mul(sub(call(opcodes.exp, width === 1 ? x : div(x, number(width))), number(1)), number(alpha));

/** Activation functions by their ONNX names. */
export const activations: ReadonlyMap<string, LowerNode> = new Map<string, LowerNode>([
  ["Gelu", activation((x, node) => (stringAttribute(node, "approximate", "none") === "tanh" ? tanhGelu(x) : gelu(x)))],
  ["com.microsoft.Gelu", activation(gelu)],
  ["com.microsoft.FastGelu", activation(tanhGelu)],
  ["com.microsoft.QuickGelu", activation((x, node) => mul(x, call(opcodes.sigmoid, mul(x, number(attribute(node, "alpha", 1.702))))))],
  ["Swish", activation((x, node) => mul(x, call(opcodes.sigmoid, mul(x, number(attribute(node, "alpha", 1))))))],
  ["HardSwish", activation((x) => mul(x, formula.apply(opcodes.max, formula.apply(opcodes.min, add(mul(x, number(1 / 6)), number(0.5)), number(1)), number(0))))],
  ["Softplus", activation(softplus)],
  ["Softsign", activation((x) => div(x, add(call(opcodes.abs, x), number(1))))],
  ["Mish", activation((x) => mul(x, call(opcodes.tanh, softplus(x))))],
  ["Elu", activation((x, node) => select(less(number(0), x), x, exponential(x, attribute(node, "alpha", 1), 1)))],
  ["Celu", activation((x, node) => select(less(number(0), x), x, exponential(x, attribute(node, "alpha", 1), attribute(node, "alpha", 1))))],
  [
    "Selu",
    activation((x, node) => mul(select(less(number(0), x), x, exponential(x, attribute(node, "alpha", 1.6732631921768188), 1)), number(attribute(node, "gamma", 1.0507010221481323)))),
  ],
  ["ThresholdedRelu", activation((x, node) => select(less(number(attribute(node, "alpha", 1)), x), x, number(0)))],
  [
    "Shrink",
    activation((x, node) => {
      const [lambd, bias] = [attribute(node, "lambd", 0.5), attribute(node, "bias", 0)];
      return select(less(x, number(-lambd)), add(x, number(bias)), select(less(number(lambd), x), sub(x, number(bias)), number(0)));
    }),
  ],
]);
