import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, statfs } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { createInference } from "../inference/createInference.ts";
import type { Provider } from "../inference/types.ts";
import { silentLogger } from "../telemetry/createLogger.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

const MINIMUM_NODE: readonly [number, number] = [22, 18];
/** Bytes free below which the operator is warned, and below which nothing can be promised. */
const WARN_BYTES = 10e9;
const FAIL_BYTES = 1e9;
const GPU_TIMEOUT_MS = 5_000;

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return ok("node", `Node ${version}`);
  return fail("node", `Node ${version} is too old`, `Install Node ${MINIMUM_NODE.join(".")} or newer.`);
}

/** Runs a small model with the provider that the settings name. `model` is an ONNX file with one float input. */
export async function checkInference(provider: Provider, model: string, signal?: AbortSignal): Promise<Finding> {
  const inference = createInference({ provider, threads: 1, optimization: "all", timeoutMs: 60_000 }, { logger: silentLogger() });
  try {
    const { version, providers } = await inference.start(signal);
    const session = await inference.load("doctor", model, signal === undefined ? {} : { signal });
    const [input] = session.inputs;
    const shape = (input?.shape ?? []).map((size) => (typeof size === "number" ? size : 1));
    const bytes = new Uint8Array(shape.reduce((product, size) => product * size, 4));
    await inference.run("doctor", { [input?.name ?? ""]: { dtype: input?.dtype ?? 1, shape, bytes } }, signal === undefined ? {} : { signal });
    return ok("onnxruntime", `ONNX Runtime ${version} runs a model on ${provider}; it knows ${providers.join(", ")}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice = provider === "cuda" ? "Install with ONNXRUNTIME_NODE_INSTALL=cuda12 in the environment, and the CUDA 12 and cuDNN 9 libraries; or use --execution-provider cpu." : "Use --execution-provider cpu, or install what the provider needs.";
    return fail("onnxruntime", `the provider ${provider} does not work here: ${reason}`, advice);
  } finally {
    await inference.stop();
  }
}

/** Asks NVIDIA's own tool; on a machine without it there is no such GPU that this program could use. */
export async function checkGpu(provider: Provider, tool = "nvidia-smi"): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)(tool, ["--query-gpu=name,memory.free,memory.total,driver_version", "--format=csv,noheader"], { timeout: GPU_TIMEOUT_MS });
    const gpus = stdout.trim().split("\n").filter((line) => line !== "");
    if (gpus.length > 0) return ok("gpu", gpus.join("; "));
  } catch {
    // Absent, or without a driver that answers: the same to us.
  }
  if (provider === "cuda") return fail("gpu", "no NVIDIA GPU answers", "Install the driver, or use --execution-provider cpu.");
  return ok("gpu", `none by NVIDIA, and the provider ${provider} needs none`);
}

/** Space and permission in the data folder. */
export async function checkDisk(home: string, free?: number): Promise<Finding> {
  try {
    await mkdir(home, { recursive: true });
    await access(home, constants.W_OK);
    const stats = await statfs(home);
    const bytes = free ?? stats.bavail * stats.bsize;
    const found = `${(bytes / 1e9).toFixed(1)} GB free in ${home}`;
    if (bytes < FAIL_BYTES) return fail("disk", found, "Make room: without a place for its trace, an executor cannot commit; move the data folder with --home, or bound it with --max-disk.");
    if (bytes < WARN_BYTES) return warn("disk", found, "Make room before it runs out, or bound the traces with --max-disk.");
    return ok("disk", found);
  } catch (cause) {
    return fail("disk", `the data folder ${path.resolve(home)} cannot be written (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`, "Correct its owner and permissions, or name another one with --home.");
  }
}
