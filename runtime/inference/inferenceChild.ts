/**
 * Entry of the inference process: runs ONNX Runtime apart from the daemon, so that a native crash or an out-of-memory takes only
 * this process along. Reads requests from file descriptor 3, by itself or ahead in a thread, and writes replies to file descriptor 4; ends when the daemon closes
 * the former. It does nothing else than what it is asked for, so it blocks while there is nothing to do.
 */
import { statSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { GainsayError } from "../../protocol/errors.ts";
import { createArena } from "./alignedMemory.ts";
import { createBatchSession, type BatchSession } from "./batchSession.ts";
import { createRing, ringSource } from "./frameRing.ts";
import { readRequests } from "./readRequests.ts";
import { createFrameReader, FRAME_ALIGNMENT, paddedParts, paddedTotal, setPadded, type Frame } from "./frames.ts";
import { hashedLength, hashOutputs } from "./hashedOutputs.ts";
import { createHashShare } from "./hashShare.ts";
import { readTerms, type HoldTerms } from "./holdTerms.ts";
import { mapFile } from "../mapFile.ts";
import { createNativeSession, type NativeSession, type Output } from "./nativeSession.ts";
import { loadRuntime } from "./onnxRuntime.ts";
import { placedInputs } from "./placedInputs.ts";
import { createReplyPipe, writeAllAt } from "./replyPipe.ts";
import { sessionOptions } from "./sessionOptions.ts";
import type { Optimization, Provider, SessionInfo } from "./types.ts";

/**
 * What the daemon asks for; `run` brings one part for each input of the session, in its order, or if they are `placed` one that says where in the spool they lie, and the shapes where the session
 * does not fix them all; with `commit`, there is one more part, see `HoldTerms`, and this process may hash outputs as committed tensors; `load` brings the model's bytes unless it names a file, and so does
 * `batch` with those of the graph that does up to `most` jobs of the session in one run.
 */
export type Request =
  | { op: "load"; key: string; path?: string; optimization: Optimization; disabledOptimizers?: readonly string[]; saveOptimizedTo?: string }
  | { op: "run"; key: string; shapes?: readonly (readonly number[])[]; commit?: true; placed?: true }
  | { op: "batch"; key: string; path?: string; optimization: Optimization; most: number }
  | { op: "unload"; key: string };

/** First frame of the process: what the installed ONNX Runtime offers. */
export interface Ready {
  ready: true;
  version: string;
  providers: string[];
}

export type Reply =
  /**
   * Of a run: the microseconds that it took in ONNX Runtime, the outputs unless they are as the session declares them, whether their bytes are in the spool, and whether some of them
   * are hashed. The parts are the bytes of the outputs unless they are in the spool, then what `hashOutputs` gives.
   */
  | { ok: true; session?: SessionInfo; microseconds?: number; outputs?: readonly Output[]; spooled?: true; hashed?: true }
  | { ok: false; code: string; message: string };

type Done = Extract<Reply, { ok: true }>;

/** File descriptor of the spool, where there is one (`openSpool`). */
const SPOOL = 5;

/** Bytes of outputs from which on their hashing is shared with the daemon. */
const SHARED_BYTES = 16 * 1024;

/** Milliseconds of a run, and bytes of an input, from which on a thread reads the next request meanwhile. */
const AHEAD_MS = 20;
const AHEAD_BYTES = 32 * 1024;

/** Bytes of a model from which on it takes long to load. */
const MUCH_BYTES = 16 * 1024 * 1024;

/** Runs after which the event loop has a turn, in which native objects that nobody has any more are let go of. */
const TURN_RUNS = 256;

/** A session for one job at a time, and for several if there is one. */
interface Session {
  one: NativeSession;
  several?: BatchSession;
}

/** How ONNX Runtime says that the provider itself, and not the model, is the trouble. */
const providerFault = /failed to load (shared )?library|webgpu adapter|no supported adapters|cuda (driver|failure)|no cuda-capable device|backend not found/i;

const [provider, threads] = [process.argv[2] as Provider, Number(process.argv[3])];
const sessions = new Map<string, Session>();
/** Outputs of a run, until they are sent. */
const outputs = createArena(FRAME_ALIGNMENT);
const spoolMemory = mapFile(SPOOL);
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
const runtime = await loadRuntime(provider, (text) => void writeSync(2, `${text}\n`));
const ready: Ready = { ready: true, version: runtime.version, providers: runtime.providers };
const ring = createRing();
const source = ringSource(ring, readRequests);
/** Reads ahead where that is of use. To start it takes longer than all that a small model asks for until it is ready. */
let reader: Worker | undefined;
const requests = createFrameReader(source);
const replies = createReplyPipe(4);
replies.send({ header: { ...ready }, parts: [] });
replies.flush();
runtime.prepare();
for (let runs = 0, next: Frame | undefined; ; ) {
  const { closed } = source;
  const frame = next ?? requests.next();
  next = undefined;
  if (frame !== undefined) {
    if (loadsMuch(frame)) startReader();
    source.readAhead(takesLong(frame));
    const frames = [frame];
    for (const most = mostTogether(frame); frames.length < most && next === undefined; ) {
      const another = requests.next();
      if (another === undefined) break;
      if (another.header === frame.header) frames.push(another);
      else next = another;
    }
    if (frames.length === 1 || !runTogether(frames)) for (const one of frames) replies.send(answer(one));
    if (reader === undefined && isRun(frame) && takesLong(frame)) {
      replies.flush();
      startReader();
    }
    if (next === undefined) source.release();
    runs += frames.length;
    if (runs >= TURN_RUNS) {
      runs = 0;
      await new Promise(setImmediate);
    }
  } else {
    replies.flush();
    if (closed) process.exit(0);
    const began = performance.now();
    source.wait();
    share.waited(performance.now() - began);
  }
}

function startReader(): void {
  reader ??= new Worker(new URL("./pipeReader.ts", import.meta.url), { workerData: ring });
}

function isRun({ header }: Frame): boolean {
  return (header as unknown as Request).op === "run";
}

/** Whether a request is one for a model that takes long to load. */
function loadsMuch({ header, parts }: Frame): boolean {
  const request = header as unknown as Request;
  if (request.op !== "load" && request.op !== "batch") return false;
  return (request.path === undefined ? (parts[0] as Uint8Array).length : sizeOf(request.path)) >= MUCH_BYTES;
}

/** Bytes of a file; 0 if it cannot be looked at, which the library says better when it is to load it. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Whether a request takes so long, to be read or to be done, that the next is to be read meanwhile, and the end of the daemon noticed. */
function takesLong({ header, parts }: Frame): boolean {
  const request = header as unknown as Request;
  const took = request.op === "run" ? sessions.get(request.key)?.one.took : undefined;
  return took === undefined || took === 0 || took >= AHEAD_MS || parts.some(({ length }) => length >= AHEAD_BYTES);
}

/** How many requests like this one may be done together. */
function mostTogether({ header }: Frame): number {
  const request = header as unknown as Request;
  return request.op === "run" ? (sessions.get(request.key)?.several?.most ?? 1) : 1;
}

/** The answer to a request; its parts are overwritten by the next. */
function answer(frame: Frame): Frame {
  const request = frame.header as unknown as Request;
  try {
    if (request.op === "run") return run(request, given(frame));
    if (request.op === "load") return reply({ ok: true, session: load(request, frame.parts) });
    if (request.op === "batch") batch(request, frame.parts);
    else unload(request.key);
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
  if (op === "run") return { code: "INFERENCE_FAILED", message: `The graph could not be run: ${message}` };
  if (provider !== "cpu" && providerFault.test(message)) {
    return { code: "PROVIDER_UNAVAILABLE", message: `The provider ${provider} cannot be used on this machine; check its driver and libraries, or choose another: ${message.trim()}` };
  }
  return { code: "MODEL_LOAD_FAILED", message: `The model could not be loaded: ${message.trim()}` };
}

function load(request: Extract<Request, { op: "load" }>, parts: readonly Uint8Array[]): SessionInfo {
  // It may take long, and crash: who is finished should not wait for that.
  replies.flush();
  unload(request.key);
  const one = createNativeSession(runtime, request.path ?? ownBytes(parts[0] as Uint8Array), sessionOptions(provider, threads, request.optimization, request), outputs);
  sessions.set(request.key, { one });
  return one.info;
}

function batch(request: Extract<Request, { op: "batch" }>, parts: readonly Uint8Array[]): void {
  replies.flush();
  const session = sessionOf(request.key);
  const onStray = (reason: string): void => void writeSync(2, `jobs of ${request.key} are done one by one from now on: ${reason}\n`);
  session.several?.release();
  delete session.several;
  session.several = createBatchSession(runtime, request.path ?? ownBytes(parts[0] as Uint8Array), sessionOptions(provider, threads, request.optimization, {}), session.one, request.most, onStray);
}

function sessionOf(key: string): Session {
  const session = sessions.get(key);
  if (session === undefined) throw new GainsayError(`The inference process has no session ${JSON.stringify(key)}; load it again.`, { code: "SESSION_UNKNOWN" });
  return session;
}

function unload(key: string): void {
  const session = sessions.get(key);
  session?.one.release();
  session?.several?.release();
  sessions.delete(key);
}

/** The bytes in memory that is not shared, which is all that the library takes a model from. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes;
}

/** What a run brings along. */
interface Given {
  inputs: readonly Uint8Array[];
  /** Of a run whose outputs are going to be committed to. */
  terms: HoldTerms | undefined;
}

function given({ header, parts }: Frame): Given {
  const { commit, placed } = header as unknown as Extract<Request, { op: "run" }>;
  const terms = commit === true ? readTerms(parts.at(-1) as Uint8Array) : undefined;
  return { inputs: placed === true ? placedInputs(parts[0] as Uint8Array, spoolMemory, SPOOL) : parts, terms };
}

function run({ key, shapes }: Extract<Request, { op: "run" }>, { inputs, terms }: Given): Frame {
  const session = sessionOf(key).one;
  const memory = terms?.mapped === true ? spoolMemory : undefined;
  replies.flushBefore(session.took);
  const started = performance.now();
  const { bytes, together, placed, outputs: made } = session.run(inputs, shapes, memory, terms?.place);
  session.took = performance.now() - started;
  const header: Done = { ok: true, microseconds: Math.round(session.took * 1000), ...(made === undefined ? {} : { outputs: made }) };
  if (terms === undefined) return reply(header, bytes);
  return hold(header, terms, bytes, placed === true || (together !== undefined && spool([together], terms)));
}

/** Answers several requests for the same by one run of the session; false if they have to be done one by one. */
function runTogether(frames: readonly Frame[]): boolean {
  const { key } = (frames[0] as Frame).header as unknown as Extract<Request, { op: "run" }>;
  const { one, several } = sessions.get(key) as { one: NativeSession; several: BatchSession };
  // The daemon has as much to do with those of the run before.
  replies.flush();
  const started = performance.now();
  let jobs: Given[];
  try {
    jobs = frames.map(given);
  } catch {
    // Whichever of them is to blame is told so when it is alone.
    return false;
  }
  const results = several.run(jobs.map(({ inputs }) => inputs));
  if (results === undefined) return false;
  one.took = (performance.now() - started) / frames.length;
  const header: Done = { ok: true, microseconds: Math.round(one.took * 1000) };
  results.forEach((bytes, job) => {
    const terms = jobs[job]?.terms;
    replies.send(terms === undefined ? reply(header, bytes) : hold(header, terms, bytes, (terms.mapped && place(bytes, terms.place)) || spool(paddedParts(bytes), terms)));
  });
  return true;
}

/** The answer to a run whose outputs are going to be committed to, and may be where the daemon wants them already. */
function hold(header: Done, { busy }: HoldTerms, bytes: Uint8Array[], spooled: boolean): Frame {
  share.compare(busy);
  // What has other lengths than were declared is left to the daemon.
  const hashed = header.outputs === undefined && isMuch(bytes) ? hashOutputs(bytes, share.takes(bytes.map(hashedLength))) : undefined;
  if (!spooled && hashed === undefined) return reply(header, bytes);
  return reply({ ...header, ...(spooled ? { spooled } : {}), ...(hashed === undefined ? {} : { hashed: true }) }, [...(spooled ? [] : bytes), ...(hashed === undefined ? [] : [hashed])]);
}

/** Copies outputs to where the daemon wants them in the mapped spool; false if this process cannot map it. */
function place(outputs: readonly Uint8Array[], at: number): boolean {
  const room = spoolMemory.view(at, paddedTotal(outputs));
  if (room === undefined) return false;
  setPadded(room, 0, outputs);
  return true;
}

/** Writes outputs to where the daemon wants them; false if it wants them nowhere, or they cannot be written, as on a full disk. */
function spool(pieces: readonly Uint8Array[], { place }: HoldTerms): boolean {
  if (place < 0) return false;
  try {
    writeAllAt(SPOOL, pieces, place);
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
