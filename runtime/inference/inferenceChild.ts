/**
 * Entry of the inference process: runs ONNX Runtime apart from the daemon, so that a native crash or an out-of-memory takes only
 * this process along. Reads requests from file descriptor 3, in a thread of its own, and writes replies to file descriptor 4; ends when the daemon closes
 * the former. It does nothing else than what it is asked for, so it blocks while there is nothing to do.
 */
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { GainsayError } from "../../protocol/errors.ts";
import { tensorLeaves, tensorRootFromLeaves } from "../../protocol/trees/tensorTree.ts";
import { createArena } from "./alignedMemory.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { createRing, ringSource } from "./frameRing.ts";
import { readRequests } from "./readRequests.ts";
import { createFrameReader, FRAME_ALIGNMENT, type Frame } from "./frames.ts";
import { createHashShare } from "./hashShare.ts";
import { readTerms } from "./holdTerms.ts";
import { createNativeSession, loadRuntime, type NativeSession, type Output } from "./nativeSession.ts";
import { createReplyPipe } from "./replyPipe.ts";
import { sessionOptions } from "./sessionOptions.ts";
import type { Optimization, Provider, SessionInfo } from "./types.ts";

/**
 * What the daemon asks for; `run` brings one part for each input of the session, in its order, and the shapes where the session does not fix them all;
 * with `commit`, there is one more part, see `HoldTerms`, and this process may hash outputs as committed tensors; `load` brings the model's bytes unless it names a file.
 */
export type Request =
  | { op: "load"; key: string; path?: string; optimization: Optimization; disabledOptimizers?: readonly string[]; saveOptimizedTo?: string }
  | { op: "run"; key: string; shapes?: readonly (readonly number[])[]; commit?: true }
  | { op: "unload"; key: string };

/** First frame of the process: what the installed ONNX Runtime offers. */
export interface Ready {
  ready: true;
  version: string;
  providers: string[];
}

export type Reply =
  /**
   * Of a run: the microseconds that it took in ONNX Runtime, the outputs unless they are as the session declares them, whether their bytes are in the spool, and which of them
   * are hashed. The parts are the bytes of the outputs unless they are in the spool, then root and leaves of each hashed one.
   */
  | { ok: true; session?: SessionInfo; microseconds?: number; outputs?: readonly Output[]; spooled?: true; hashed?: readonly number[] }
  | { ok: false; code: string; message: string };

/** File descriptor of the spool, where there is one (`openSpool`). */
const SPOOL = 5;

/** Bytes of outputs from which on their hashing is shared with the daemon. */
const SHARED_BYTES = 16 * 1024;

/** Runs after which the event loop has a turn, in which native objects that nobody has any more are let go of. */
const TURN_RUNS = 256;

/** How ONNX Runtime says that the provider itself, and not the model, is the trouble. */
const providerFault = /failed to load (shared )?library|webgpu adapter|no supported adapters|cuda (driver|failure)|no cuda-capable device|backend not found/i;

const [provider, threads] = [process.argv[2] as Provider, Number(process.argv[3])];
const sessions = new Map<string, NativeSession>();
/** Outputs of a run, until they are sent. */
const outputs = createArena(FRAME_ALIGNMENT);
const share = createHashShare(() => performance.now());

// The daemon decides when this process ends; a Ctrl-C in the terminal reaches both at once.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

// The native binding knows no Float16Array and would read it as empty; without that class, half floats travel as Uint16Array.
delete (globalThis as { Float16Array?: unknown }).Float16Array;
// A thread that reads cannot be ended, and would keep this process from ending by itself.
process.on("uncaughtException", (error) => {
  writeSync(2, `${error.stack ?? error.message}\n`);
  process.kill(process.pid, "SIGKILL");
});
// Loaded late, so that a missing native library is reported like any other failure to start.
const runtime = await loadRuntime();
const ready: Ready = { ready: true, version: runtime.version, providers: runtime.providers };
const ring = createRing();
const source = ringSource(ring, readRequests);
/** Reads ahead from the first request on; to start it takes longer than that request. */
let reader: Worker | undefined;
const requests = createFrameReader(source);
const replies = createReplyPipe(4);
replies.send({ header: { ...ready }, parts: [] });
for (let runs = 0; ; ) {
  const { closed } = source;
  const frame = requests.next();
  if (frame !== undefined) {
    reader ??= new Worker(new URL("./pipeReader.ts", import.meta.url), { workerData: ring });
    replies.send(answer(frame));
    source.release();
    if (++runs % TURN_RUNS === 0) await new Promise(setImmediate);
  } else {
    replies.flush();
    if (closed) process.exit(0);
    const began = performance.now();
    source.wait();
    share.waited(performance.now() - began);
  }
}

/** The answer to a request; its parts are overwritten by the next. */
function answer(frame: Frame): Frame {
  const request = frame.header as unknown as Request;
  try {
    if (request.op === "run") return run(request, frame.parts);
    if (request.op === "load") return reply({ ok: true, session: load(request, frame.parts) });
    sessions.get(request.key)?.release();
    sessions.delete(request.key);
    return reply({ ok: true });
  } catch (error) {
    return reply({ ok: false, ...describe(error, request.op) });
  }
}

function reply(header: Reply, parts: Uint8Array[] = []): Frame {
  return { header: header as unknown as Frame["header"], parts };
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

function load(request: Extract<Request, { op: "load" }>, parts: readonly Uint8Array[]): SessionInfo {
  // It may take long, and crash: who is finished should not wait for that.
  replies.flush();
  sessions.get(request.key)?.release();
  sessions.delete(request.key);
  const session = createNativeSession(runtime, request.path ?? ownBytes(parts[0] as Uint8Array), sessionOptions(provider, threads, request.optimization, request), outputs);
  sessions.set(request.key, session);
  return session.info;
}

/** The bytes in memory that is not shared, which is all that the library takes a model from. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes;
}

function run({ key, shapes, commit }: Extract<Request, { op: "run" }>, parts: readonly Uint8Array[]): Frame {
  const session = sessions.get(key) as NativeSession;
  replies.flushBefore(session.took);
  const started = performance.now();
  const { bytes, together, outputs: given } = session.run(parts, shapes);
  session.took = performance.now() - started;
  const microseconds = Math.round(session.took * 1000);
  const terms = commit === true ? readTerms(parts[session.info.inputs.length] as Uint8Array) : undefined;
  if (terms === undefined) return reply({ ok: true, microseconds, ...(given === undefined ? {} : { outputs: given }) }, bytes);
  share.compare(terms.busy);
  const spooled = terms.place >= 0 && together !== undefined && spool(together, terms.place);
  const hashed = isMuch(bytes) ? bytes.flatMap((output, i) => (output.length > 0 && output.length <= INLINE_BYTES && share.takes(output.length) ? [i] : [])) : [];
  const header: Reply = { ok: true, microseconds, ...(given === undefined ? {} : { outputs: given }), ...(spooled ? { spooled } : {}), ...(hashed.length === 0 ? {} : { hashed }) };
  return reply(header, [...(spooled ? [] : bytes), ...hashed.map((i) => rootAndLeaves(bytes[i] as Uint8Array))]);
}

/** Writes outputs to where the daemon wants them; false if they cannot be, as on a full disk. */
function spool(bytes: Uint8Array, place: number): boolean {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(SPOOL, bytes, at, bytes.length - at, place + at);
    return true;
  } catch {
    return false;
  }
}

/** Whether hashing these takes so long that it is worth sharing. */
function isMuch(outputs: readonly Uint8Array[]): boolean {
  let bytes = 0;
  for (const output of outputs) bytes += output.length;
  return bytes >= SHARED_BYTES;
}

function rootAndLeaves(bytes: Uint8Array): Uint8Array {
  const leaves = tensorLeaves(bytes);
  return Buffer.concat([tensorRootFromLeaves(leaves, bytes.length), leaves]);
}
