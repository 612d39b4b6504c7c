import type { GraphProto, NodeProto } from "./generated/onnx_pb.ts";
import type { Model } from "./parseModel.ts";

/** Removes nodes that no output depends on, and initialisers that nothing reads; inputs stay, because they are the model's interface. */
export function pruneModel(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.output.map(({ name }) => name));
  const kept: NodeProto[] = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => name !== "" && needed.has(name))) continue;
    for (const name of namesRead(node)) needed.add(name);
    kept.push(node);
  }
  graph.node = kept.reverse();
  graph.initializer = graph.initializer.filter(({ name }) => needed.has(name));
  return model;
}

/** Values that a node reads, by itself or inside the graphs of its attributes. */
function namesRead(node: NodeProto): string[] {
  const inside = (graph: GraphProto): string[] => [...graph.node.flatMap(namesRead), ...graph.output.map(({ name }) => name)];
  return [...node.input, ...node.attribute.flatMap(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs].flatMap(inside))];
}
