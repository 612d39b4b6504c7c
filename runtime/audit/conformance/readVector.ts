import { readFile } from "node:fs/promises";
import path from "node:path";
import { declaredTensor } from "../../../protocol/onnx/graphs.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { dtypes, type Dtype, type DtypeName } from "../../../protocol/program/types.ts";
import { parseTensorPb } from "../../inputs/parseTensorPb.ts";
import type { RawTensor } from "../../inputs/rawTensor.ts";
import { Unsupported } from "./unsupported.ts";

export interface PublishedTensor extends RawTensor {
  name: string;
}

/** One data set of a vector. */
export interface DataSet {
  inputs: PublishedTensor[];
  outputs: PublishedTensor[];
}

/** A model and what is published about it. */
export interface Vector {
  modelBytes: Uint8Array;
  /** The operator under test if the model is one node, else the operators of its nodes. */
  operators: string[];
  dataSets: DataSet[];
}

/** Operators of a model's nodes, those of other domains with their domain. */
export function operatorsOf(modelBytes: Uint8Array): string[] {
  return parseModel(modelBytes).graph.node.map(({ domain, opType }) => (domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`));
}

/** Reads a vector's files. Throws `Unsupported` if an input or output is no tensor of plain numbers. */
export async function readVector(modelBytes: Uint8Array, dataSetFolders: readonly string[]): Promise<Omit<Vector, "operators">> {
  const { graph } = parseModel(modelBytes);
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const given = graph.input.filter(({ name }) => !constants.has(name));
  for (const [what, list] of [["input", given], ["output", graph.output]] as const) {
    const odd = list.find((info) => declaredTensor(info) === undefined);
    if (odd !== undefined) throw new Unsupported(`the ${what} ${JSON.stringify(odd.name)} is not a tensor`);
  }
  const dataSets: DataSet[] = [];
  for (const folder of dataSetFolders) {
    dataSets.push({ inputs: await readTensors(folder, "input", given), outputs: await readTensors(folder, "output", graph.output) });
  }
  return { modelBytes, dataSets };
}

async function readTensors(folder: string, kind: "input" | "output", infos: readonly { name: string }[]): Promise<PublishedTensor[]> {
  const tensors: PublishedTensor[] = [];
  for (const [k, { name }] of infos.entries()) {
    const file = path.join(folder, `${kind}_${k}.pb`);
    const content = await readFile(file).catch(() => undefined);
    if (content === undefined) throw new Unsupported(`the ${kind} ${JSON.stringify(name)} is not published`);
    try {
      tensors.push({ name, ...parseTensorPb(file, new Uint8Array(content)) });
    } catch (error) {
      // The message names the file, which stands on another machine elsewhere; the reason must not depend on that.
      throw new Unsupported(`the ${kind} ${JSON.stringify(name)} cannot be read: it ${error instanceof Error ? error.message.replace(/^The file \S+ /, "") : String(error)}`);
    }
  }
  return tensors;
}

/** The element type of programs that a file's type is. Throws `Unsupported` if there is none. */
export function dtypeOf({ name, dtype }: PublishedTensor): Dtype {
  if (!Object.hasOwn(dtypes, dtype)) throw new Unsupported(`${JSON.stringify(name)} has the element type ${dtype}`);
  return dtypes[dtype as DtypeName];
}
