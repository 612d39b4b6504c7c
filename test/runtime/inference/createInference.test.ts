import { getEventListeners } from "node:events";
import { mkdtempSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { createInference, type Inference, type InferenceOptions } from "../../../runtime/inference/createInference.ts";
import { createInferenceProcess } from "../../../runtime/inference/createInferenceProcess.ts";
import { profileEnvironment, sessionOptions } from "../../../runtime/inference/sessionOptions.ts";
import { floats, modelOf, reluModel, slowModel } from "./smallModels.ts";
import { makeNode } from "../../../protocol/onnx/graphs.ts";

const running: Inference[] = [];
const pids: number[] = [];
const folder = mkdtempSync(path.join(tmpdir(), "gainsay-inference-"));

function make(options: Partial<InferenceOptions> = {}): Inference {
  const quiet = () => undefined;
  const debug = (fields: object, message: string): void => {
    if (message === "inference process started") pids.push((fields as { pid: number }).pid);
  };
  const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled", ...options }, { logger: { debug, info: quiet, warn: quiet, error: quiet } });
  running.push(inference);
  return inference;
}

const x = (...values: number[]) => ({ x: { dtype: 1 as const, shape: [values.length], bytes: floats(...values) } });
const slowFeed = { x: { dtype: 1 as const, shape: [1, 1], bytes: floats(0.001) } };

async function failure(promise: Promise<unknown>): Promise<GainsayError> {
  return promise.then(
    () => {
      throw new Error("expected a failure");
    },
    (error: unknown) => error as GainsayError,
  );
}

/** Resolves when the process with this id is gone. */
async function ended(pid: number): Promise<void> {
  await expect.poll(() => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }, { timeout: 10_000 }).toBe(false);
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((inference) => inference.stop()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("createInference", () => {
  it("loads from bytes and from a file, describes the session, and runs it", async () => {
    const inference = make();
    const model = reluModel(1, [3]);
    const file = path.join(folder, "relu.onnx");
    writeFileSync(file, model);
    for (const source of [model, file]) {
      expect(await inference.load("relu", source)).toEqual({ inputs: [{ name: "x", dtype: 1, shape: [3] }], outputs: [{ name: "y", dtype: 1, shape: [3] }] });
      const { y } = await inference.run("relu", x(-1, 2, -0.5));
      expect(y).toMatchObject({ dtype: 1, shape: [3] });
      expect(new Uint8Array(y!.bytes)).toEqual(floats(0, 2, 0));
    }
    expect(pids.length).toBeGreaterThan(0);
  });

  it.each([
    ["uint8", 2, new Uint8Array([0, 7, 255])],
    ["int8", 3, new Uint8Array(Int8Array.of(-128, 0, 127).buffer)],
    ["int32", 6, new Uint8Array(Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1).buffer)],
    ["int64", 7, new Uint8Array(BigInt64Array.of(-(2n ** 63n), 1n, 2n ** 63n - 1n).buffer)],
    ["bool", 9, new Uint8Array([0, 1, 1])],
    ["float16", 10, new Uint8Array(Uint16Array.of(0x3c00, 0xbc00, 0x0001).buffer)],
  ] as const)("carries %s across the border bit for bit", async (_, dtype, bytes) => {
    const inference = make();
    await inference.load("id", modelOf([["x", dtype, [3]]], [makeNode("Identity", ["x"], ["y"])], [["y", dtype, [3]]]));
    const { y } = await inference.run("id", { x: { dtype, shape: [3], bytes } });
    expect(new Uint8Array(y!.bytes)).toEqual(bytes);
    expect(y!.dtype).toBe(dtype);
  });

  it("carries tensors of zero bytes and of several megabytes", async () => {
    const inference = make();
    await inference.load("relu", modelOf([["x", 1, [0]], ["z", 1, [1_500_000]]], [makeNode("Relu", ["x"], ["y"]), makeNode("Relu", ["z"], ["w"])], [["y", 1, [0]], ["w", 1, [1_500_000]]]));
    const big = Float32Array.from({ length: 1_500_000 }, (_, i) => i);
    const result = await inference.run("relu", { x: { dtype: 1, shape: [0], bytes: new Uint8Array(0) }, z: { dtype: 1, shape: [1_500_000], bytes: new Uint8Array(big.buffer) } });
    expect(result.y!.bytes.length).toBe(0);
    expect(Buffer.compare(result.w!.bytes, new Uint8Array(big.buffer))).toBe(0);
  });

  it("answers calls in the order in which they were made", async () => {
    const inference = make();
    const order: number[] = [];
    const loaded = inference.load("relu", reluModel(1, [1]));
    const runs = [1, 2, 3, 4].map(async (value) => {
      const { y } = await inference.run("relu", x(value));
      order.push(value);
      return new Float32Array(y!.bytes.buffer)[0];
    });
    await loaded;
    expect(await Promise.all(runs)).toEqual([1, 2, 3, 4]);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it("names what is wrong with the inputs", async () => {
    const inference = make();
    await inference.load("relu", reluModel(1, [2]));
    const wrong = [
      [{}, /"x" is missing/],
      [{ ...x(1, 2), extra: x(1).x }, /"extra" is not an input of the model; its inputs are x/],
      [x(1), /must have the shape \[2\], not \[1\]/],
      [{ x: { dtype: 6 as const, shape: [2], bytes: floats(1, 2) } }, /must be float32, not int32/],
      [{ x: { dtype: 1 as const, shape: [2], bytes: floats(1, 2).subarray(1) } }, /must have 8 bytes for its shape, not 7/],
    ] as const;
    for (const [inputs, message] of wrong) {
      const error = await failure(inference.run("relu", inputs));
      expect(error.code).toBe("INPUT_MISMATCH");
      expect(error.message).toMatch(message);
    }
    expect((await failure(inference.run("other", x(1)))).code).toBe("SESSION_UNKNOWN");
  });

  it("refuses a broken model and goes on with the others", async () => {
    const inference = make();
    await inference.load("good", reluModel(1, [1]));
    expect((await failure(inference.load("bad", new Uint8Array([1, 2, 3])))).code).toBe("MODEL_LOAD_FAILED");
    expect((await failure(inference.load("bad", path.join(folder, "missing.onnx")))).code).toBe("MODEL_LOAD_FAILED");
    expect((await failure(inference.run("bad", x(1)))).code).toBe("SESSION_UNKNOWN");
    expect(await inference.run("good", x(1))).toHaveProperty("y");
  });

  it("answers for paths that nothing can be at", async () => {
    const inference = make();
    const before = pids.length;
    await inference.load("good", reluModel(1, [1]));
    for (const file of [path.join(folder, "a".repeat(300)), path.join(folder, "a\0b"), folder]) expect((await failure(inference.load("bad", file))).code, file).toBe("MODEL_LOAD_FAILED");
    expect(await inference.run("good", x(1))).toHaveProperty("y");
    expect(pids.length).toBe(before + 1);
  });

  it("has the former session again where the one that was to take its place cannot be made", async () => {
    const inference = make();
    await inference.load("relu", reluModel(1, [1]));
    expect((await failure(inference.load("relu", new Uint8Array([1, 2, 3])))).code).toBe("MODEL_LOAD_FAILED");
    expect(new Uint8Array((await inference.run("relu", x(5))).y!.bytes)).toEqual(floats(5));
  });

  it("unloads", async () => {
    const inference = make();
    await inference.load("relu", reluModel(1, [1]));
    await inference.unload("relu");
    expect((await failure(inference.run("relu", x(1)))).code).toBe("SESSION_UNKNOWN");
    await inference.unload("never loaded");
  });

  it.each(["SIGSEGV", "SIGABRT", "SIGKILL"] as const)("names the signal when %s ends the process in the middle of a run, and starts again", async (signal) => {
    const inference = make();
    await inference.load("slow", slowModel(700, 2000));
    await inference.load("relu", reluModel(1, [1]));
    const lost = failure(inference.run("slow", slowFeed));
    const next = inference.run("relu", x(5));
    const pid = pids.at(-1)!;
    process.kill(pid, signal);
    const error = await lost;
    expect(error).toMatchObject({ code: "INFERENCE_CRASHED", retryable: true, details: { signal } });
    expect(error.message).toContain(signal);
    expect(new Float32Array((await next).y!.bytes.buffer)[0]).toBe(5);
    expect(pids.at(-1)).not.toBe(pid);
  });

  it("starts again after the idle process was killed", async () => {
    const inference = make();
    await inference.load("relu", reluModel(1, [1]));
    const pid = pids.at(-1)!;
    process.kill(pid, "SIGKILL");
    await ended(pid);
    const first = await inference.run("relu", x(3)).catch((error: GainsayError) => error.code);
    // The daemon may learn of the death only with this call; then the error says to try again.
    if (first === "INFERENCE_CRASHED") expect(await inference.run("relu", x(3))).toHaveProperty("y");
    else expect(first).toHaveProperty("y");
  });

  it("calls a run off at once when its signal aborts, whether it runs or waits", async () => {
    const inference = make();
    await inference.load("slow", slowModel(700, 2000));
    await inference.load("relu", reluModel(1, [1]));
    const [during, waiting] = [new AbortController(), new AbortController()];
    const first = failure(inference.run("slow", slowFeed, { signal: during.signal }));
    const second = failure(inference.run("relu", x(1), { signal: waiting.signal }));
    const third = inference.run("relu", x(7));
    const pid = pids.at(-1)!;
    waiting.abort(new Error("not needed"));
    expect(await second).toMatchObject({ code: "INFERENCE_ABORTED", cause: new Error("not needed") });
    during.abort();
    expect((await first).code).toBe("INFERENCE_ABORTED");
    expect(new Float32Array((await third).y!.bytes.buffer)[0]).toBe(7);
    await ended(pid);
    expect((await failure(inference.run("relu", x(1), { signal: AbortSignal.abort() }))).code).toBe("INFERENCE_ABORTED");
  });

  it("ends a run that takes longer than the limit", async () => {
    const inference = make({ timeoutMs: 1500 });
    await inference.load("slow", slowModel(700, 2000));
    expect(await failure(inference.run("slow", slowFeed))).toMatchObject({ code: "INFERENCE_TIMEOUT", retryable: true });
  });

  it("leaves no long run behind that nobody waits for, once it has had one", async () => {
    const quiet = () => undefined;
    const inference = createInferenceProcess({ provider: "cpu", threads: 1, spool: undefined }, { logger: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
    const run = (key: string) => inference.request({ op: "run", key }, [floats(0.001)]);
    await inference.request({ op: "load", key: "long", optimization: "disabled" }, [slowModel(700, 10)]);
    await run("long");
    await inference.request({ op: "load", key: "endless", optimization: "disabled" }, [slowModel(700, 2000)]);
    const lost = failure(run("endless"));
    await pause(200);
    const closed = performance.now();
    await inference.close(30_000);
    expect(performance.now() - closed).toBeLessThan(15_000);
    expect((await lost).code).toBe("INFERENCE_STOPPED");
  });

  describe("with short runs in the pipe together", () => {
    /** An inference with a session that is known to be quick, and its process halted, so that all that is sent stays in the pipe. */
    async function halted(options: Partial<InferenceOptions> = {}): Promise<{ inference: Inference; pid: number }> {
      const inference = make(options);
      await inference.load("relu", reluModel(1, [1]));
      await inference.run("relu", x(1));
      const pid = pids.at(-1)!;
      process.kill(pid, "SIGSTOP");
      return { inference, pid };
    }
    const valueOf = ({ y }: Record<string, { bytes: Uint8Array }>) => new Float32Array(y!.bytes.buffer)[0];

    it("runs all of them again when the process is killed, in their order", async () => {
      const { inference, pid } = await halted();
      const order: number[] = [];
      const runs = [1, 2, 3, 4, 5].map((value) => inference.run("relu", x(value)).then((result) => (order.push(value), valueOf(result))));
      process.kill(pid, "SIGKILL");
      expect(await Promise.all(runs)).toEqual([1, 2, 3, 4, 5]);
      expect(order).toEqual([1, 2, 3, 4, 5]);
      expect(pids.at(-1)).not.toBe(pid);
    });

    it("blames a run that ends the process once it is alone, and no other", async () => {
      const { inference, pid } = await halted();
      const runs = [1, 2, 3].map((value) => inference.run("relu", x(value)).then(valueOf, (error: GainsayError) => error.code));
      const last = inference.run("relu", x(4)).then(valueOf);
      process.kill(pid, "SIGKILL");
      // The next process is killed as well, as soon as it is there: while it has the first of them, and that alone.
      await expect.poll(() => pids.at(-1), { timeout: 20_000, interval: 1 }).not.toBe(pid);
      process.kill(pids.at(-1)!, "SIGKILL");
      const outcome = await Promise.all(runs);
      expect([1, "INFERENCE_CRASHED"]).toContain(outcome[0]);
      expect(outcome.slice(1)).toEqual([2, 3]);
      expect(await last).toBe(4);
    });

    it("forgets the answer of one that is called off, and lets the process live", async () => {
      const { inference, pid } = await halted();
      const abort = new AbortController();
      const first = inference.run("relu", x(1));
      const second = failure(inference.run("relu", x(2), { signal: abort.signal }));
      const third = inference.run("relu", x(3));
      abort.abort();
      expect((await second).code).toBe("INFERENCE_ABORTED");
      process.kill(pid, "SIGCONT");
      expect([valueOf(await first), valueOf(await third)]).toEqual([1, 3]);
      expect(valueOf(await inference.run("relu", x(4)))).toBe(4);
      expect(pids.at(-1)).toBe(pid);
      expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    });

    it("tries each alone when they take longer than the limit together", async () => {
      const { inference, pid } = await halted({ timeoutMs: 1500 });
      const runs = [inference.run("relu", x(1)), inference.run("relu", x(2))];
      expect((await Promise.all(runs)).map(valueOf)).toEqual([1, 2]);
      await ended(pid);
    });

    it("sends nothing behind a run of which it is not known that it is short", async () => {
      const { inference, pid } = await halted();
      const first = inference.run("relu", x(1));
      const loading = inference.load("slow", slowModel(700, 2000));
      const slow = failure(inference.run("slow", slowFeed));
      const behind = inference.run("relu", x(5));
      process.kill(pid, "SIGCONT");
      await Promise.all([first, loading]);
      process.kill(pid, "SIGKILL");
      expect((await slow).code).toBe("INFERENCE_CRASHED");
      expect(valueOf(await behind)).toBe(5);
    });

    it("rejects all of them when it stops", async () => {
      const { inference, pid } = await halted();
      const runs = [1, 2, 3].map((value) => failure(inference.run("relu", x(value))));
      await inference.stop();
      expect((await Promise.all(runs)).map(({ code }) => code)).toEqual(["INFERENCE_STOPPED", "INFERENCE_STOPPED", "INFERENCE_STOPPED"]);
      await ended(pid);
    });
  });

  it("rejects what waits and what runs when it stops, and leaves no process behind", async () => {
    const inference = make();
    await inference.load("slow", slowModel(700, 2000));
    const pid = pids.at(-1)!;
    const lost = [failure(inference.run("slow", slowFeed)), failure(inference.run("slow", slowFeed))];
    await Promise.resolve();
    await inference.stop();
    expect((await Promise.all(lost)).map((error) => error.code)).toEqual(["INFERENCE_STOPPED", "INFERENCE_STOPPED"]);
    await ended(pid);
  });

  it("refuses options that make no sense and providers that are not installed", async () => {
    expect(() => make({ threads: 0 })).toThrow(/whole number from 1/);
    expect(() => make({ provider: "tpu" as never })).toThrow(/choose one of cpu, cuda, webgpu, coreml, dml/);
    expect(() => make({ optimization: "most" as never })).toThrow(/choose one of disabled, basic/);
    expect(() => make({ timeoutMs: -1 })).toThrow(/time limit/);
    const missing = process.platform === "darwin" ? "dml" : "coreml";
    const inference = make({ provider: missing });
    const error = await failure(inference.load("relu", reluModel(1, [1])));
    expect(error.code).toBe("PROVIDER_UNAVAILABLE");
    expect(error.details["available"]).toContain("cpu");
    expect(error.message).toContain("cpu");
  });

  it("tells a provider that cannot be used from a model that cannot be loaded", async () => {
    // No machine has both: a system library is missing, or else the model below loads.
    const inference = make({ provider: "webgpu" });
    const error = await inference.load("relu", reluModel(1, [1])).then(() => undefined, (fault: GainsayError) => fault);
    if (error !== undefined) expect(error.code).toBe("PROVIDER_UNAVAILABLE");
    else expect(await inference.run("relu", x(-1))).toHaveProperty("y");
  });

  it("leaves no listener on a signal that lives on", async () => {
    const inference = make();
    const { signal } = new AbortController();
    await inference.load("relu", reluModel(1, [1]), { signal });
    await Promise.all([inference.run("relu", x(1), { signal }), inference.run("relu", x(2), { signal }), failure(inference.run("none", x(1), { signal }))]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("writes the optimized graph where it is told to", async () => {
    const inference = make();
    const file = path.join(folder, "optimized.onnx");
    await inference.load("relu", reluModel(1, [1]), { optimization: "basic", saveOptimizedTo: file });
    expect(existsSync(file)).toBe(true);
    await inference.load("again", file);
    expect(await inference.run("again", x(1))).toHaveProperty("y");
  });
});

describe("numeric profile", () => {
  it("runs sequentially, with the wanted threads, and lets no provider fall back silently", () => {
    const options = sessionOptions("webgpu", 3, "all", { disabledOptimizers: ["A", "B"] });
    expect(options).toMatchObject({ graphOptimizationLevel: "all", intraOpNumThreads: 3, interOpNumThreads: 1, executionMode: "sequential" });
    expect(options.extra).toEqual({ session: { intra_op: { allow_spinning: "0" }, x64quantprecision: "1", disable_cpu_ep_fallback: "1" }, optimization: { disable_specified_optimizers: "WeightBiasQuantization;DoubleQDQPairsRemover;MatMulScaleFusion;A;B" } });
    expect(sessionOptions("cuda", 1, "all", {}).executionProviders).toEqual([{ name: "cuda", deviceId: 0, use_tf32: "0", cudnn_conv_algo_search: "DEFAULT" }]);
  });

  it("switches TF32 off for CUDA and hands no secrets on", () => {
    expect(profileEnvironment("cuda", { PATH: "/bin", GAINSAY_PASSWORD: "secret", NVIDIA_TF32_OVERRIDE: "1" })).toEqual({ PATH: "/bin", NVIDIA_TF32_OVERRIDE: "0" });
    expect(profileEnvironment("cpu", { PATH: "/bin", NODE_OPTIONS: "--inspect" })).toEqual({ PATH: "/bin" });
  });
});
