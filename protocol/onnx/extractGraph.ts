import type { NodeProto, ValueInfoProto } from "./generated/onnx_pb.ts";
import type { Model } from "./parseModel.ts";

/**
 * Reduces a graph to what the given outputs depend on: nodes, in an order in which each comes after what it reads, initialisers and inputs.
 * Nodes with graphs of their own are not looked into; programs have none.
 */
export function extractGraph(model: Model, outputs: readonly ValueInfoProto[]): Model {
  const { graph } = model;
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== "") producers.set(name, node);
  const needed = new Set<string>(outputs.map(({ name }) => name));
  const kept: NodeProto[] = [];
  const seen = new Set<NodeProto>();
  // Depth first without recursion: a graph may be deeper than a call stack. An entry comes a second time once all that it reads is there.
  const stack: { node: NodeProto; ready: boolean }[] = [];
  const visit = (name: string): void => {
    const node = producers.get(name);
    if (node !== undefined && !seen.has(node)) stack.push({ node, ready: false });
  };
  for (const { name } of outputs) {
    visit(name);
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { node, ready } = top;
      if (ready) kept.push(node);
      else if (!seen.has(node)) {
        seen.add(node);
        stack.push({ node, ready: true });
        for (const read of node.input) {
          needed.add(read);
          visit(read);
        }
      }
    }
  }
  graph.node = kept;
  graph.output = [...outputs];
  graph.input = graph.input.filter(({ name }) => needed.has(name));
  graph.initializer = graph.initializer.filter(({ name }) => needed.has(name));
  graph.valueInfo = [];
  return model;
}
