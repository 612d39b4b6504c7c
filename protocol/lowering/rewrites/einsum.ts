import { stringAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** A tensor whose axes are named by letters. */
interface Term {
  name: string;
  labels: string[];
}

/** Einsum without ellipses and diagonals: sums, transpositions and matrix products, operand by operand. */
export function rewriteEinsum(graph: GraphBuilder): boolean {
  const equation = stringAttribute(graph.node, "equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->") as [string, string | undefined];
  if (equation.includes(".")) throw new Refusal("its equation has an ellipsis");
  const sizes = new Map<string, number>();
  const terms = left.split(",").map((letters, k): Term => {
    const labels = [...letters];
    if (new Set(labels).size !== labels.length) throw new Refusal("its equation takes a diagonal");
    graph.shapeOf(graph.input(k)).forEach((size, axis) => sizes.set(labels[axis]!, Math.max(size, sizes.get(labels[axis]!) ?? 1)));
    return { name: graph.input(k), labels };
  });
  for (const { name, labels } of terms) if (graph.shapeOf(name).some((size, axis) => size !== sizes.get(labels[axis]!))) throw new Refusal("its equation broadcasts");
  const once = [...new Set(left)].filter((letter) => letter !== "," && left.split(letter).length === 2).sort();
  const wanted = right === undefined ? once : [...right];
  let result = terms[0]!;
  terms.slice(1).forEach((term, k) => {
    const later = new Set([...wanted, ...terms.slice(k + 2).flatMap(({ labels }) => labels)]);
    result = product(graph, summed(graph, result, new Set([...later, ...term.labels])), summed(graph, term, new Set([...later, ...result.labels])), later, sizes);
  });
  result = summed(graph, result, new Set(wanted));
  graph.result(0, "Transpose", [result.name], { perm: { ints: wanted.map((label) => result.labels.indexOf(label)) } });
  return true;
}

function summed(graph: GraphBuilder, { name, labels }: Term, kept: ReadonlySet<string>): Term {
  const axes = labels.flatMap((label, k) => (kept.has(label) ? [] : [k]));
  return axes.length === 0 ? { name, labels } : { name: graph.reduce("ReduceSum", name, axes, false), labels: labels.filter((label) => kept.has(label)) };
}

function product(graph: GraphBuilder, a: Term, b: Term, later: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Term {
  const both = a.labels.filter((label) => b.labels.includes(label));
  const batch = both.filter((label) => later.has(label));
  const inner = both.filter((label) => !later.has(label));
  const rows = a.labels.filter((label) => !both.includes(label));
  const columns = b.labels.filter((label) => !both.includes(label));
  const count = (labels: readonly string[]): number => labels.reduce((total, label) => total * sizes.get(label)!, 1);
  const matrix = (term: Term, order: readonly string[], shape: number[]): string => graph.reshape(graph.transpose(term.name, order.map((label) => term.labels.indexOf(label))), shape);
  const left = matrix(a, [...batch, ...rows, ...inner], [count(batch), count(rows), count(inner)]);
  const right = matrix(b, [...batch, ...inner, ...columns], [count(batch), count(inner), count(columns)]);
  const labels = [...batch, ...rows, ...columns];
  return { name: graph.reshape(graph.add("MatMul", [left, right]), labels.map((label) => sizes.get(label)!)), labels };
}
