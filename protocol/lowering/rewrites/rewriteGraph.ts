import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import type { Model } from "../../onnx/parseModel.ts";
import { Refusal } from "../draft.ts";
import type { ValueType } from "../lowering.ts";
import { operatorKey } from "../operators/operatorKey.ts";
import { GraphBuilder, type Rewrite } from "./graphBuilder.ts";
import { inFloats } from "./inFloats.ts";
import { rewrites } from "./table.ts";

/** Rewrites that only move elements, whatever their type. */
const typeless: ReadonlySet<string> = new Set(["DepthToSpace", "SpaceToDepth", "Concat", "Pad", "GatherND"]);

/** Whether any node of the graph may have to be replaced before lowering. */
export function needsRewriting(model: Model): boolean {
  return model.graph.node.some((node) => rewrites.has(operatorKey(node)));
}

/**
 * Replaces, in place, operators that are no step of their own by operators that are, or those of another table. Nodes that cannot be replaced stay; lowering refuses
 * them. Returns how many were replaced.
 */
export function rewriteGraph(model: Model, types: ReadonlyMap<string, ValueType>, table: ReadonlyMap<string, Rewrite> = rewrites): number {
  const { graph } = model;
  const opset = Number(model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")!.version);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const known = new Map(types);
  let replaced = 0;
  graph.node = graph.node.flatMap((node): NodeProto[] => {
    const rewrite = table.get(operatorKey(node));
    if (rewrite === undefined) return [node];
    // Only the table of replacements takes half floats to float32 and back.
    const twin = table !== rewrites || typeless.has(operatorKey(node)) ? undefined : inFloats(node, known, initializers);
    const builder = new GraphBuilder(twin?.node ?? node, opset, known, initializers, producers);
    try {
      if (!rewrite(builder)) return [node];
    } catch (error) {
      if (error instanceof Refusal) return [node];
      throw error;
    }
    replaced++;
    graph.initializer.push(...builder.constants);
    if (twin === undefined) return builder.nodes;
    graph.initializer.push(...twin.constants);
    return [...twin.entries, ...builder.nodes, ...twin.exits];
  });
  return replaced;
}
