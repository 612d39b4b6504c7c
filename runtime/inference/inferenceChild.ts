/**
 * Entry of the inference process: runs ONNX Runtime apart from the daemon, so that a native crash or an out-of-memory takes only
 * this process along. Speaks frames over file descriptor 3 and ends when the daemon closes it.
 */
import { Socket } from "node:net";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { GainsayError } from "../../protocol/errors.ts";
import type { Dtype } from "../../protocol/program/types.ts";
import { createFrameChannel, type Frame } from "./frames.ts";
import { sessionOptions } from "./sessionOptions.ts";
import { dtypeFromName, dtypeName, viewTyped } from "./tensorTypes.ts";
import type { Optimization, Provider, SessionInfo, ValueInfo } from "./types.ts";

/** What the daemon asks for; `run` brings one part an input, `load` the model's bytes unless it names a file. */
export type Request =
  | { op: "load"; key: string; path?: string; optimization: Optimization; disabledOptimizers?: readonly string[]; saveOptimizedTo?: string }
  | { op: "run"; key: string; inputs: { name: string; dtype: Dtype; shape: readonly number[] }[] }
  | { op: "unload"; key: string };

/** First frame of the process: what the installed ONNX Runtime offers. */
export interface Ready {
  ready: true;
  version: string;
  providers: string[];
}

export type Reply =
  | { ok: true; session?: SessionInfo; outputs?: { name: string; dtype: Dtype; shape: readonly number[] }[] }
  | { ok: false; code: string; message: string };

type Ort = typeof import("onnxruntime-node");

const [provider, threads] = [process.argv[2] as Provider, Number(process.argv[3])];
const sessions = new Map<string, InferenceSession>();

// The daemon decides when this process ends; a Ctrl-C in the terminal reaches both at once.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

// The native binding knows no Float16Array and would read it as empty; without that class, half floats travel as Uint16Array.
delete (globalThis as { Float16Array?: unknown }).Float16Array;
// Loaded late, so that a missing native library is reported like any other failure to start.
const ort: Ort = await import("onnxruntime-node").then((module) => ("InferenceSession" in module ? module : (module as { default: Ort }).default));
const socket = new Socket({ fd: 3, readable: true, writable: true });
const channel = createFrameChannel(socket, Buffer.allocUnsafeSlow, (frame) => void answer(frame));
socket.on("close", () => process.exit(0));
socket.on("error", () => process.exit(0));
socket.on("end", () => process.exit(0));
const ready: Ready = { ready: true, version: ort.env.versions.node ?? "unknown", providers: ort.listSupportedBackends().map((backend) => backend.name) };
channel.send({ header: { ...ready }, parts: [] });

async function answer(frame: Frame): Promise<void> {
  const request = frame.header as unknown as Request;
  let reply: Reply;
  let parts: Uint8Array[] = [];
  try {
    if (request.op === "load") reply = { ok: true, session: await load(request, frame.parts) };
    else if (request.op === "run") ({ reply, parts } = await run(request, frame.parts));
    else {
      await sessions.get(request.key)?.release();
      sessions.delete(request.key);
      reply = { ok: true };
    }
  } catch (error) {
    reply = { ok: false, ...describe(error, request.op) };
  }
  channel.send({ header: { ...reply }, parts });
}

/** How ONNX Runtime says that the provider itself, and not the model, is the trouble. */
const providerFault = /failed to load (shared )?library|webgpu adapter|no supported adapters|cuda (driver|failure)|no cuda-capable device|backend not found/i;

function describe(error: unknown, op: Request["op"]): { code: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof GainsayError) return { code: error.code, message };
  if (op !== "load") return { code: "INFERENCE_FAILED", message: `The graph could not be run: ${message}` };
  if (provider !== "cpu" && providerFault.test(message)) {
    return { code: "PROVIDER_UNAVAILABLE", message: `The provider ${provider} cannot be used on this machine; check its driver and libraries, or choose another: ${message.trim()}` };
  }
  return { code: "MODEL_LOAD_FAILED", message: `The model could not be loaded: ${message.trim()}` };
}

async function load(request: Extract<Request, { op: "load" }>, parts: Uint8Array[]): Promise<SessionInfo> {
  const options = sessionOptions(provider, threads, request.optimization, request);
  await sessions.get(request.key)?.release();
  sessions.delete(request.key);
  const session = await (request.path === undefined ? ort.InferenceSession.create(parts[0] as Uint8Array, options) : ort.InferenceSession.create(request.path, options));
  const info = { inputs: session.inputMetadata.map(valueInfo), outputs: session.outputMetadata.map(valueInfo) };
  sessions.set(request.key, session);
  return info;
}

function valueInfo(value: InferenceSession.ValueMetadata): ValueInfo {
  if (!value.isTensor) throw new GainsayError(`The value ${value.name} is not a tensor; only tensors can go in or out.`, { code: "MODEL_LOAD_FAILED", kind: "usage" });
  return { name: value.name, dtype: dtypeFromName(value.type), shape: value.shape };
}

async function run(request: Extract<Request, { op: "run" }>, parts: Uint8Array[]): Promise<{ reply: Reply; parts: Uint8Array[] }> {
  const session = sessions.get(request.key) as InferenceSession;
  const feeds: Record<string, Tensor> = {};
  request.inputs.forEach((input, i) => {
    const data = viewTyped(input.dtype, parts[i] as Uint8Array);
    feeds[input.name] = new ort.Tensor(dtypeName(input.dtype) as "float32", data as Float32Array, input.shape);
  });
  const results = await session.run(feeds);
  const outputs = Object.entries(results).map(([name, tensor]) => ({ name, tensor, dtype: dtypeFromName(tensor.type), shape: tensor.dims }));
  return {
    reply: { ok: true, outputs: outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })) },
    parts: outputs.map(({ tensor }) => {
      const data = tensor.data as unknown as ArrayBufferView;
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }),
  };
}
