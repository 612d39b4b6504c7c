import { clone } from "@bufbuild/protobuf";
import { attribute, fromFront, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import { NodeProtoSchema, TensorProtoSchema, type GraphProto, type NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { integerValues } from "../../onnx/tensors.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { joined } from "./rearrangements.ts";

/** Nodes that unrolling a loop may write. */
const MOST_NODES = 20_000;

/** If with a constant condition: the branch that it chooses. */
export function rewriteIf(graph: GraphBuilder): boolean {
  const condition = graph.constant(0)?.[0];
  if (condition === undefined) throw new Refusal("its condition is computed at run time; export the model for one of the cases, or compute both branches and choose with Where");
  const branch = subgraph(graph.node, condition === 0 ? "else_branch" : "then_branch");
  inline(graph, branch, new Map(), "branch").forEach((name, k) => {
    if (graph.wants(k)) graph.result(k, "Identity", [name]);
  });
  return true;
}

/** Loop with a constant number of rounds and no way out before: its body once for each round. */
export function rewriteLoop(graph: GraphBuilder): boolean {
  const body = subgraph(graph.node, "body");
  const rounds = graph.has(0) ? graph.constant(0)?.[0] : undefined;
  const begins = !graph.has(1) || graph.constant(1)?.[0] === 1;
  if (rounds === undefined || !begins || !goesOn(body)) throw new Refusal("how often its body runs is decided at run time; export the model with the loop unrolled");
  checkLength(body, rounds);
  let state = graph.node.input.slice(2);
  const shown: string[][] = body.output.slice(1 + state.length).map(() => []);
  for (let t = 0; t < rounds; t++) {
    const values = [graph.integers([t], []), graph.tensor(dtypes.bool, [], Uint8Array.of(1)), ...state];
    const results = inline(graph, body, new Map(body.input.map(({ name }, k) => [name, values[k]!])), `round_${t}`);
    state = results.slice(1, 1 + state.length);
    results.slice(1 + state.length).forEach((name, k) => shown[k]!.push(name));
  }
  finish(graph, state, shown.map((parts) => ({ parts, axis: 0 })));
  return true;
}

/** Scan: its body once for each place of the sequences. */
export function rewriteScan(graph: GraphBuilder): boolean {
  if (graph.opset < 9) throw new Refusal("it scans in batches, as before opset 9");
  const { node } = graph;
  const body = subgraph(node, "body");
  const count = intAttribute(node, "num_scan_inputs", 0);
  const sequences = node.input.slice(-count);
  let state = node.input.slice(0, -count);
  const axisOf = (k: number): number => {
    const axis = intsAttribute(node, "scan_input_axes")?.[k] ?? 0;
    return fromFront(axis, graph.shapeOf(sequences[k]!).length);
  };
  const rounds = graph.shapeOf(sequences[0]!)[axisOf(0)]!;
  checkLength(body, rounds);
  const shown: string[][] = body.output.slice(state.length).map(() => []);
  for (let t = 0; t < rounds; t++) {
    const parts = sequences.map((name, k) => {
      const backwards = intsAttribute(node, "scan_input_directions")?.[k] === 1;
      return graph.add("Gather", [name, graph.integers([backwards ? rounds - 1 - t : t], [])], { axis: { int: axisOf(k) } });
    });
    const values = [...state, ...parts];
    const results = inline(graph, body, new Map(body.input.map(({ name }, k) => [name, values[k]!])), `round_${t}`);
    state = results.slice(0, state.length);
    results.slice(state.length).forEach((name, k) => shown[k]!.push(name));
  }
  const outputs = shown.map((parts, k) => ({
    parts: intsAttribute(node, "scan_output_directions")?.[k] === 1 ? parts.toReversed() : parts,
    axis: intsAttribute(node, "scan_output_axes")?.[k] ?? 0,
  }));
  finish(graph, state, outputs);
  return true;
}

/** Final states, then what each round showed, joined along a new axis. */
function finish(graph: GraphBuilder, state: readonly string[], shown: readonly { parts: string[]; axis: number }[]): void {
  state.forEach((name, k) => {
    if (graph.wants(k)) graph.result(k, "Identity", [name]);
  });
  shown.forEach(({ parts, axis }, k) => {
    if (!graph.wants(state.length + k)) return;
    if (parts.length === 0) throw new Refusal("its body never runs");
    const apart = parts.map((name) => (graph.opset < 13 ? graph.add("Unsqueeze", [name], { axes: { ints: [axis] } }) : graph.add("Unsqueeze", [name, graph.integers([axis])])));
    // Every part has one axis more than the value it shows, and a negative axis counts those.
    graph.result(state.length + k, "Concat", joined(graph, apart, axis), { axis: { int: axis } });
  });
}

/** Writes a graph's nodes with names of their own; the names of its outputs. Values that the graph does not define are those around it. */
function inline(graph: GraphBuilder, body: GraphProto, bound: Map<string, string>, label: string): string[] {
  const prefix = graph.prefix(label);
  const names = new Map(bound);
  for (const tensor of body.initializer) names.set(tensor.name, graph.constantOf({ ...clone(TensorProtoSchema, tensor), name: `${prefix}/${tensor.name}` }));
  for (const name of body.node.flatMap(({ output }) => output)) if (name !== "") names.set(name, `${prefix}/${name}`);
  for (const node of body.node) graph.push(renamed(node, names, `${prefix}/`));
  return body.output.map(({ name }) => names.get(name) ?? name);
}

function renamed(node: NodeProto, names: ReadonlyMap<string, string>, prefix: string): NodeProto {
  const copy = clone(NodeProtoSchema, node);
  copy.name = `${prefix}${node.name === "" ? `${node.opType}:${node.output[0] ?? ""}` : node.name}`;
  copy.input = node.input.map((name) => names.get(name) ?? name);
  copy.output = node.output.map((name) => names.get(name) ?? name);
  for (const { g, graphs } of copy.attribute) for (const inner of [...(g === undefined ? [] : [g]), ...graphs]) renameReads(inner, names);
  return copy;
}

/** Renames what a graph inside reads from around it. */
function renameReads(graph: GraphProto, names: ReadonlyMap<string, string>): void {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name).concat(graph.node.flatMap(({ output }) => output)));
  const outer = new Map([...names].filter(([name]) => !own.has(name)));
  for (const node of graph.node) {
    node.input = node.input.map((name) => outer.get(name) ?? name);
    for (const { g, graphs } of node.attribute) for (const inner of [...(g === undefined ? [] : [g]), ...graphs]) renameReads(inner, outer);
  }
  for (const output of graph.output) output.name = outer.get(output.name) ?? output.name;
}

/** Whether a loop's condition stays what it is, or is true in every round. */
function goesOn(body: GraphProto): boolean {
  let name = body.output[0]!.name;
  for (let node = body.node.find(({ output }) => output.includes(name)); node !== undefined; node = body.node.find(({ output }) => output.includes(name))) {
    const value = node.opType === "Constant" ? attribute(node, "value")?.t : undefined;
    if (value !== undefined) return value.dataType === dtypes.bool && integerValues(value)[0] === 1;
    if (node.opType !== "Identity") return false;
    name = node.input[0]!;
  }
  const constant = body.initializer.find((tensor) => tensor.name === name);
  if (constant !== undefined) return constant.dataType === dtypes.bool && integerValues(constant)[0] === 1;
  return name === body.input[1]?.name;
}

function subgraph(node: NodeProto, name: string): GraphProto {
  const found = attribute(node, name)?.g;
  if (found === undefined) throw new Refusal(`it has no ${name}`);
  return found;
}

function checkLength(body: GraphProto, rounds: number): void {
  if (rounds * Math.max(1, body.node.length) > MOST_NODES) throw new Refusal(`unrolled it has ${rounds} times ${body.node.length} nodes; at most ${MOST_NODES} are supported`);
}
