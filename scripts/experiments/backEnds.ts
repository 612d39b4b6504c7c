import { existsSync } from "node:fs";
import { GainsayError } from "../../protocol/errors.ts";
import { optimizations, type Optimization } from "../../runtime/inference/types.ts";

/** One way to execute a graph: a command that runs `runGraph.ts`, and how it sets ONNX Runtime up. */
export interface BackEnd {
  name: string;
  /** Back ends of one family share a row of the table. */
  family: string;
  /** The program and leading arguments that run a script; the script follows. */
  command: string[];
  setup: Setup;
  /** An emulator: of a large model it runs the first input only. */
  slow?: boolean;
}

/** How `runGraph.ts` sets a session up. */
export interface Setup {
  provider: "cpu" | "cuda" | "webgpu" | "wasm";
  threads: number;
  optimization: Optimization;
  prepacking: boolean;
  /** Folder of the package onnxruntime-web, for `wasm`. */
  ortWeb?: string;
}

/** What a person has at hand beside this machine's own processor. */
export interface Tools {
  /** Folder of the package onnxruntime-web. */
  ortWeb?: string;
  /** qemu-x86_64 and qemu-aarch64 of the package qemu-user. */
  qemuX86?: string;
  qemuArm64?: string;
  /** A Node.js for arm64, and a folder with the C and C++ libraries that it needs. */
  nodeArm64?: string;
  libsArm64?: string;
  /** Whether a Vulkan driver is set up for WebGPU, and whether CUDA's libraries are. */
  webgpu?: boolean;
  cuda?: boolean;
}

/** All back ends that the tools allow; the first is the reference to which "differs" refers. */
export function listBackEnds(tools: Tools): BackEnd[] {
  const backEnds: BackEnd[] = [];
  const node = [process.execPath];
  const add = (family: string, variant: string, command: string[], setup: Partial<Setup>, slow = false): void => {
    backEnds.push({ name: variant === "" ? family : `${family}, ${variant}`, family, command, setup: { provider: "cpu", threads: 1, optimization: "all", prepacking: true, ...setup }, slow });
  };
  for (const optimization of optimizations) {
    for (const threads of [1, 2]) {
      for (const prepacking of [true, false]) {
        add(`CPU ${optimization}`, `${threads} thread${threads > 1 ? "s" : ""}${prepacking ? "" : ", no pre-packing"}`, node, { optimization, threads, prepacking });
      }
    }
  }
  const { ortWeb, qemuX86, qemuArm64, nodeArm64, libsArm64 } = tools;
  if (ortWeb !== undefined) for (const threads of [1, 2]) add("WASM", `${threads} thread${threads > 1 ? "s" : ""}`, node, { provider: "wasm", threads, ortWeb: existing(ortWeb) });
  if (tools.webgpu === true) for (const optimization of ["disabled", "all"] as const) add("WebGPU", optimization, node, { provider: "webgpu", optimization });
  if (tools.cuda === true) for (const optimization of ["disabled", "all"] as const) add("CUDA", optimization, node, { provider: "cuda", optimization });
  for (const optimization of ["disabled", "all"] as const) {
    if (qemuX86 !== undefined) {
      add("AVX2 (qemu Haswell)", optimization, [existing(qemuX86), "-cpu", "Haswell", ...node], { optimization }, true);
      add("SSE (qemu Nehalem)", optimization, [existing(qemuX86), "-cpu", "Nehalem", ...node], { optimization }, true);
    }
    if (qemuArm64 !== undefined && nodeArm64 !== undefined) {
      const libs = libsArm64 === undefined ? [] : ["-L", existing(libsArm64)];
      add("arm64 NEON (qemu Cortex-A57)", optimization, [existing(qemuArm64), "-cpu", "cortex-a57", ...libs, existing(nodeArm64)], { optimization }, true);
      add("arm64 SVE (qemu max)", optimization, [existing(qemuArm64), "-cpu", "max", ...libs, existing(nodeArm64)], { optimization }, true);
    }
  }
  return backEnds;
}

function existing(file: string): string {
  if (!existsSync(file)) throw new GainsayError(`There is no ${file}; give the path of an installed tool.`, { code: "TOOL_MISSING", kind: "usage", details: { file } });
  return file;
}
