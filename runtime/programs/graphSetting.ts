import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import { UNFAITHFUL } from "../inference/sessionOptions.ts";
import type { Optimization, Provider } from "../inference/types.ts";
import { sourceDigest } from "../sourceDigest.ts";

/** How the inference process makes graphs. */
export interface GraphOptions {
  provider: Provider;
  threads: number;
  optimization: Optimization;
}

/** All that decides which graph is made of a program's, and with which bits it runs. */
export interface GraphSetting extends GraphOptions {
  runtimeVersion: string;
  disabledOptimizers: readonly string[];
  /** Of the code that makes the graphs. */
  sources: string;
  machine: { platform: string; arch: string; processor: string; features: string };
}

/** What makes graphs: what is not in here changes none. */
const makers = ["protocol/lowering/batching", "protocol/lowering/executableGraph.ts", "protocol/lowering/tracedGraph.ts", "protocol/lowering/graphNames.ts", "protocol/lowering/floatTwin.ts", "protocol/onnx", "runtime/inference/sessionOptions.ts", "runtime/inference/throughFloats.ts", "runtime/inference/bfloats.ts", "runtime/inference/optimiseGraph.ts", "runtime/programs/createGraphMaker.ts"];

export async function graphSetting({ provider, threads, optimization }: GraphOptions, version: Promise<string>): Promise<GraphSetting> {
  const [sources, features, runtimeVersion] = await Promise.all([sourceDigest(makers), processorFeatures(), version]);
  return { provider, threads, optimization, runtimeVersion, disabledOptimizers: UNFAITHFUL, sources, machine: { platform: platform(), arch: arch(), processor: cpus()[0]?.model ?? "", features } };
}

/** A short name of a setting: 32 hexadecimal digits of its hash. */
export function settingName(setting: GraphSetting): string {
  return createHash("sha256").update(JSON.stringify(setting)).digest("hex").slice(0, 32);
}

/** The instruction sets of the processor, where Linux lists them: kernels, and the blocks in which channels lie, are chosen by them. */
async function processorFeatures(): Promise<string> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? "";
}
