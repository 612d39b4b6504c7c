import type { Model } from "../../protocol/onnx/parseModel.ts";

/** Removes from a folded graph what does not change what it computes: producer, documentation, type hints, unused domains. */
export function normalizeModel(model: Model): Model {
  const used = new Set(model.graph.node.map(({ domain }) => canonical(domain)));
  model.producerName = "gainsay";
  model.producerVersion = "";
  model.domain = "";
  model.docString = "";
  model.metadataProps = [];
  model.opsetImport = model.opsetImport.filter(({ domain }) => canonical(domain) === "" || used.has(domain));
  const { graph } = model;
  graph.docString = "";
  graph.valueInfo = [];
  graph.metadataProps = [];
  for (const node of graph.node) {
    node.docString = "";
    node.metadataProps = [];
  }
  for (const info of [...graph.input, ...graph.output]) info.docString = "";
  return model;
}

function canonical(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}
