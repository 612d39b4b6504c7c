/**
 * Entry of the inference process: runs ONNX Runtime apart from the daemon, so that a native crash or an out-of-memory takes only
 * this process along. Reads requests from file descriptor 3, in a thread of its own, and writes replies to file descriptor 4; ends when the daemon closes
 * the former. It does nothing else than what it is asked for, so it blocks while there is nothing to do.
 */
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { GainsayError } from "../../protocol/errors.ts";
import type { Dtype } from "../../protocol/program/types.ts";
import { createRing, ringSource } from "./frameRing.ts";
import { createFrameReader, type Frame } from "./frames.ts";
import { createReplyPipe } from "./replyPipe.ts";
import { sessionOptions } from "./sessionOptions.ts";
import { dtypeFromName, dtypeName, viewTyped } from "./tensorTypes.ts";
import type { Optimization, Provider, SessionInfo, ValueInfo } from "./types.ts";

/**
 * What the daemon asks for; `run` brings one part for each input of the session, in its order, and the shapes where the session does not fix them all;
 * `load` brings the model's bytes unless it names a file.
 */
export type Request =
  | { op: "load"; key: string; path?: string; optimization: Optimization; disabledOptimizers?: readonly string[]; saveOptimizedTo?: string }
  | { op: "run"; key: string; shapes?: readonly (readonly number[])[] }
  | { op: "unload"; key: string };

/** First frame of the process: what the installed ONNX Runtime offers. */
export interface Ready {
  ready: true;
  version: string;
  providers: string[];
}

export type Reply =
  /** Of a run: the microseconds that it took in ONNX Runtime, and the outputs unless they are as the session declares them. */
  | { ok: true; session?: SessionInfo; microseconds?: number; outputs?: { name: string; dtype: Dtype; shape: readonly number[] }[] }
  | { ok: false; code: string; message: string };

type Ort = typeof import("onnxruntime-node");

/** How ONNX Runtime says that the provider itself, and not the model, is the trouble. */
const providerFault = /failed to load (shared )?library|webgpu adapter|no supported adapters|cuda (driver|failure)|no cuda-capable device|backend not found/i;

const [provider, threads] = [process.argv[2] as Provider, Number(process.argv[3])];
const sessions = new Map<string, { session: InferenceSession; info: SessionInfo }>();

// The daemon decides when this process ends; a Ctrl-C in the terminal reaches both at once.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

// The native binding knows no Float16Array and would read it as empty; without that class, half floats travel as Uint16Array.
delete (globalThis as { Float16Array?: unknown }).Float16Array;
// Loaded late, so that a missing native library is reported like any other failure to start.
const ort: Ort = await import("onnxruntime-node").then((module) => ("InferenceSession" in module ? module : (module as { default: Ort }).default));
const ready: Ready = { ready: true, version: ort.env.versions.node ?? "unknown", providers: ort.listSupportedBackends().map((backend) => backend.name) };
const ring = createRing();
const source = ringSource(ring);
const requests = createFrameReader(source);
const replies = createReplyPipe(4);
// A thread that reads cannot be ended, and would keep this process from ending by itself.
process.on("uncaughtException", (error) => {
  writeSync(2, `${error.stack ?? error.message}\n`);
  process.kill(process.pid, "SIGKILL");
});
new Worker(new URL("./pipeReader.ts", import.meta.url), { workerData: ring });
replies.send({ header: { ...ready }, parts: [] });
for (;;) {
  const { closed } = source;
  const frame = requests.next();
  if (frame !== undefined) {
    replies.send(await answer(frame));
    source.release();
  } else {
    replies.flush();
    if (closed) process.exit(0);
    source.wait();
  }
}

async function answer(frame: Frame): Promise<Frame> {
  const request = frame.header as unknown as Request;
  try {
    if (request.op === "run") return await run(request, frame.parts);
    if (request.op === "load") return reply({ ok: true, session: await load(request, frame.parts) });
    await sessions.get(request.key)?.session.release();
    sessions.delete(request.key);
    return reply({ ok: true });
  } catch (error) {
    return reply({ ok: false, ...describe(error, request.op) });
  }
}

function reply(header: Reply, parts: Uint8Array[] = []): Frame {
  return { header: { ...header }, parts };
}

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
  // It may take long, and crash: who is finished should not wait for that.
  replies.flush();
  const options = sessionOptions(provider, threads, request.optimization, request);
  await sessions.get(request.key)?.session.release();
  sessions.delete(request.key);
  const session = await (request.path === undefined ? ort.InferenceSession.create(ownBytes(parts[0] as Uint8Array), options) : ort.InferenceSession.create(request.path, options));
  const info = { inputs: session.inputMetadata.map(valueInfo), outputs: session.outputMetadata.map(valueInfo) };
  sessions.set(request.key, { session, info });
  return info;
}

/** The bytes in memory that is not shared, which is all that the library takes a model from. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes;
}

function valueInfo(value: InferenceSession.ValueMetadata): ValueInfo {
  if (!value.isTensor) throw new GainsayError(`The value ${value.name} is not a tensor; only tensors can go in or out.`, { code: "MODEL_LOAD_FAILED", kind: "usage" });
  return { name: value.name, dtype: dtypeFromName(value.type), shape: value.shape };
}

async function run(request: Extract<Request, { op: "run" }>, parts: Uint8Array[]): Promise<Frame> {
  const { session, info } = sessions.get(request.key) as { session: InferenceSession; info: SessionInfo };
  const feeds: Record<string, Tensor> = {};
  info.inputs.forEach(({ name, dtype, shape }, i) => {
    const data = viewTyped(dtype, parts[i] as Uint8Array);
    feeds[name] = new ort.Tensor(dtypeName(dtype) as "float32", data as Float32Array, request.shapes?.[i] ?? (shape as number[]));
  });
  const started = performance.now();
  const results = await session.run(feeds);
  const microseconds = Math.round((performance.now() - started) * 1000);
  const outputs = info.outputs.map(({ name }) => results[name] as Tensor);
  return reply(
    { ok: true, microseconds, ...(outputs.every((tensor, i) => isDeclared(tensor, info.outputs[i] as ValueInfo)) ? {} : { outputs: outputs.map(({ type, dims }, i) => ({ name: (info.outputs[i] as ValueInfo).name, dtype: dtypeFromName(type), shape: dims })) }) },
    outputs.map(({ data }) => {
      const { buffer, byteOffset, byteLength } = data as unknown as ArrayBufferView;
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),
  );
}

function isDeclared({ type, dims }: Tensor, { dtype, shape }: ValueInfo): boolean {
  return dtypeFromName(type) === dtype && dims.length === shape.length && dims.every((size, axis) => size === shape[axis]);
}
