import { fork, type ChildProcess } from "node:child_process";
import { GainsayError } from "../../protocol/errors.ts";
import type { FoldReply, FoldRequest } from "./foldWorker.ts";

/** A tensor type as ONNX Runtime names it. */
export interface RuntimeType {
  name: string;
  type: string;
  shape: number[];
}

/** A tensor's type and its elements as little-endian bytes. */
export interface RuntimeTensor extends RuntimeType {
  bytes: Uint8Array;
}

/** ONNX Runtime in a process of its own, so that a crash in native code cannot take the caller down. */
export interface FoldRunner {
  /** The graph optimised at level `basic`: constants folded, standard operators only. */
  fold(model: Uint8Array): Promise<Uint8Array>;
  /** Runs the graph once on zeros; the types of its outputs. */
  types(model: Uint8Array, inputs: readonly RuntimeType[]): Promise<RuntimeType[]>;
  /** The types of the graph's outputs that follow without a run, for graphs that may not be safe to run. */
  inferredTypes(model: Uint8Array): Promise<RuntimeType[]>;
  /** Runs a graph without inputs; its outputs. */
  values(model: Uint8Array): Promise<RuntimeTensor[]>;
  /** Ends the process. */
  close(): void;
}

type Body = { [Kind in FoldRequest["kind"]]: Omit<Extract<FoldRequest, { kind: Kind }>, "id"> }[FoldRequest["kind"]];
type Pending = { resolve: (reply: FoldReply) => void; reject: (error: GainsayError) => void };

/**
 * Starts nothing until it is asked. `timeoutMs` bounds each request (default five minutes).
 * Requests throw `MODEL_REJECTED` if ONNX Runtime refuses the model, `RUNTIME_CRASHED` if its process dies, `RUNTIME_TIMEOUT` if it hangs.
 */
export function createFoldRunner(options: { timeoutMs?: number } = {}): FoldRunner {
  const timeoutMs = options.timeoutMs ?? 300_000;
  const waiting = new Map<number, Pending>();
  let child: ChildProcess | undefined;
  let lastId = 0;

  const failAll = (error: GainsayError): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  const start = (): ChildProcess => {
    const started = fork(new URL("./foldWorker.ts", import.meta.url), [], { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    started.on("message", (reply: FoldReply) => {
      waiting.get(reply.id)?.resolve(reply);
      waiting.delete(reply.id);
      if (waiting.size === 0) idle(started);
    });
    const ended = (how: string): void => {
      if (child !== started) return;
      child = undefined;
      failAll(new GainsayError(`ONNX Runtime crashed while reading the model (${how}); the model cannot be compiled with this version.`, { code: "RUNTIME_CRASHED", details: { how } }));
    };
    started.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
    started.on("error", (error) => ended(error.message));
    return started;
  };

  const ask = async (body: Body): Promise<FoldReply> => {
    const process = (child ??= start());
    const id = ++lastId;
    const promise = new Promise<FoldReply>((resolve, reject) => waiting.set(id, { resolve, reject }));
    process.ref();
    process.channel?.ref();
    process.send({ id, ...body } as FoldRequest);
    const timer = setTimeout(() => {
      child = undefined;
      process.kill("SIGKILL");
      failAll(new GainsayError(`ONNX Runtime did not answer within ${timeoutMs / 1000} s.`, { code: "RUNTIME_TIMEOUT", retryable: true, details: { timeoutMs } }));
    }, timeoutMs);
    try {
      const reply = await promise;
      if ("error" in reply) throw new GainsayError(`ONNX Runtime refuses the model: ${firstLine(reply.error)}`, { code: "MODEL_REJECTED", kind: "usage", details: { reason: reply.error } });
      return reply;
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    async fold(model) {
      const reply = await ask({ kind: "fold", model });
      if (!("model" in reply)) throw unexpected();
      return reply.model;
    },
    async types(model, inputs) {
      const reply = await ask({ kind: "types", model, inputs: [...inputs] });
      if (!("types" in reply)) throw unexpected();
      return reply.types;
    },
    async inferredTypes(model) {
      const reply = await ask({ kind: "inferred", model });
      if (!("types" in reply)) throw unexpected();
      return reply.types;
    },
    async values(model) {
      const reply = await ask({ kind: "values", model });
      if (!("values" in reply)) throw unexpected();
      return reply.values;
    },
    close() {
      const ending = child;
      child = undefined;
      failAll(new GainsayError("The ONNX Runtime process was closed.", { code: "RUNTIME_CLOSED" }));
      ending?.kill();
    },
  };
}

/** An idle process must not keep the caller's event loop alive. */
function idle(process: ChildProcess): void {
  process.unref();
  process.channel?.unref();
}

function unexpected(): GainsayError {
  return new GainsayError("The ONNX Runtime process answered something else than was asked.", { code: "RUNTIME_CRASHED" });
}

function firstLine(message: string): string {
  return message.split("\n")[0]!.slice(0, 400);
}
