import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { compiledEnvironment } from "./compiledEnvironment.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { createFrameChannel } from "./createFrameChannel.ts";
import type { Spool } from "./createSpool.ts";
import type { Frame } from "./frames.ts";
import type { Ready, Reply, Request } from "./inferenceChild.ts";
import { profileEnvironment } from "./sessionOptions.ts";
import type { Logger, Provider } from "./types.ts";

const STDERR_TAIL = 2000;
const START_TIMEOUT_MS = 60_000;

/** What a request that succeeded is answered with. */
export interface Answer {
  reply: Extract<Reply, { ok: true }>;
  parts: readonly Uint8Array[];
}

/** Takes the outcome of some work. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** One life of the inference process; when it is over, a new one must be made. */
export interface InferenceProcess {
  readonly pid: number | undefined;
  /** What the installed ONNX Runtime offers; rejects with `INFERENCE_START_FAILED` if the process ends before it says so. */
  readonly ready: Promise<Ready>;
  readonly alive: boolean;
  /** How many requests were without an answer when the process ended. */
  readonly lost: number;
  /** Sends a request and waits for its answer. Requests are answered in the order in which they were sent; several may be under way. */
  request(request: Request, parts: readonly Uint8Array[]): Promise<Answer>;
  /** The same without a promise, once the process is ready. */
  post(request: Request, parts: readonly Uint8Array[], settle: Settle<Answer>): void;
  /** Ends the process at once; requests in flight are rejected with `reason`. */
  kill(reason: GainsayError): void;
  /** Lets the process end by itself, and waits for it. */
  close(graceMs: number): Promise<void>;
}

/** Starts the inference process. */
export function createInferenceProcess(options: { provider: Provider; threads: number; spool: Pick<Spool, "fd"> | undefined }, { logger }: { logger: Logger }): InferenceProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./inferenceChild.ts", import.meta.url)), options.provider, String(options.threads)], {
    env: { ...profileEnvironment(options.provider, process.env), ...compiledEnvironment() },
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", options.spool?.fd ?? "ignore"],
    windowsHide: true,
  });
  const [requests, replies] = [child.stdio[3] as unknown as Writable, child.stdio[4] as unknown as Readable];
  let alive = true;
  let started = false;
  let reason: GainsayError | undefined;
  let stderr = "";
  let lost = 0;
  const waiting: { take(frame: Frame): void; reject(error: GainsayError): void }[] = [];
  const exited = new Promise<void>((resolve) => {
    const end = (error: GainsayError): void => {
      if (!alive) return;
      alive = false;
      lost = waiting.length;
      for (const { reject } of waiting.splice(0)) reject(reason ?? error);
      resolve();
    };
    child.on("error", (cause) => end(new GainsayError("The inference process could not be started.", { code: "INFERENCE_START_FAILED", cause })));
    // "close" comes after stderr has been read to its end, so the message can quote it.
    child.on("close", (exitCode, signal) => {
      if (reason === undefined && (waiting.length > 0 || exitCode !== 0)) logger.warn({ pid: child.pid, exitCode, signal, stderr }, "inference process ended");
      end(started ? crashed(exitCode, signal, stderr) : startFailed(exitCode, signal, stderr));
    });
  });

  const channel = createFrameChannel({ requests, replies }, (bytes) => new Uint8Array(bytes > INLINE_BYTES ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)), (frame) => waiting.shift()?.take(frame));
  // A broken pipe shows as the end of the process, which says more.
  for (const pipe of [requests, replies]) pipe.on("error", () => undefined);
  child.stderr?.setEncoding("utf8").on("data", (raw: string) => {
    // Names in a foreign model can end up here; only plain characters go on to the terminal.
    const text = raw.replace(/[^\x20-\x7e]+/g, " ");
    stderr = (stderr + text).slice(-STDERR_TAIL);
    logger.debug({ pid: child.pid, text: text.slice(0, STDERR_TAIL) }, "inference process wrote to stderr");
  });

  const kill = (error: GainsayError): void => {
    reason ??= error;
    child.kill("SIGKILL");
  };
  const startTimer = setTimeout(() => kill(new GainsayError("The inference process did not start in time.", { code: "INFERENCE_START_FAILED", retryable: true })), START_TIMEOUT_MS);
  const ready = new Promise<Ready>((resolve, reject) => {
    const take = ({ header }: Frame): void => {
      started = true;
      resolve(header as unknown as Ready);
    };
    waiting.push({ take, reject });
  }).finally(() => clearTimeout(startTimer));
  ready.catch(() => undefined);

  const post: InferenceProcess["post"] = (request, parts, { resolve, reject }) => {
    if (!alive) return reject(reason ?? crashed(child.exitCode, child.signalCode, stderr));
    const take = ({ header, parts: answer }: Frame): void => {
      const reply = header as unknown as Reply;
      if (reply.ok) resolve({ reply, parts: answer });
      else reject(new GainsayError(reply.message, { code: reply.code, details: { key: request.key, op: request.op } }));
    };
    waiting.push({ take, reject });
    channel.send({ header: request as unknown as Frame["header"], parts });
  };

  return {
    pid: child.pid,
    ready,
    get alive() {
      return alive && reason === undefined;
    },
    get lost() {
      return lost;
    },
    async request(request, parts) {
      if (!started) await ready;
      return new Promise((resolve, reject) => post(request, parts, { resolve, reject }));
    },
    post,
    kill,
    async close(graceMs) {
      reason ??= new GainsayError("Inference has been stopped.", { code: "INFERENCE_STOPPED" });
      requests.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function crashed(exitCode: number | null, signal: NodeJS.Signals | null, stderr: string): GainsayError {
  const how = signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
  return new GainsayError(`The inference process ${how} while it had work to do; it is started again for the next.`, {
    code: "INFERENCE_CRASHED",
    retryable: true,
    details: { exitCode, signal, stderr },
  });
}

function startFailed(exitCode: number | null, signal: NodeJS.Signals | null, stderr: string): GainsayError {
  return new GainsayError("The inference process ended before it was ready; check that onnxruntime-node is installed for this platform.", {
    code: "INFERENCE_START_FAILED",
    details: { exitCode, signal, stderr },
  });
}
