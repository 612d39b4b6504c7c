import { afterEach, describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { batchGraph } from "../../../protocol/lowering/batching/batchGraph.ts";
import { makeNode } from "../../../protocol/onnx/graphs.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";
import { tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { toHex } from "../../../protocol/hex.ts";
import { createArena } from "../../../runtime/inference/alignedMemory.ts";
import { createBatchSession } from "../../../runtime/inference/batchSession.ts";
import { createInference, type Inference } from "../../../runtime/inference/createInference.ts";
import { createNativeSession, type NativeSession } from "../../../runtime/inference/nativeSession.ts";
import { plainOptions, runtime } from "../../support/compareBatch.ts";
import { floats, modelOf } from "./smallModels.ts";

const N = 1_500;
/** y = relu(x), z = x · x for 1 × 1500 floats. */
const single = modelOf([["x", 1, [1, N]]], [makeNode("Relu", ["x"], ["y"]), makeNode("Mul", ["x", "x"], ["z"])], [["y", 1, [1, N]], ["z", 1, [1, N]]]);
const many = batchGraph(single, { threads: 1 }) as Uint8Array;
/** The same with another result of the second output. */
const other = batchGraph(modelOf([["x", 1, [1, N]]], [makeNode("Relu", ["x"], ["y"]), makeNode("Add", ["x", "x"], ["z"])], [["y", 1, [1, N]], ["z", 1, [1, N]]]), { threads: 1 }) as Uint8Array;
const input = (seed: number): Uint8Array => new Uint8Array(Float32Array.from({ length: N }, (_, i) => Math.sin(i + seed)).buffer);

describe("a session that does several jobs in one run", () => {
  const open = (graph: Uint8Array) => {
    let alone = 0;
    const one = createNativeSession(runtime, single, plainOptions, createArena(64));
    const counted: NativeSession = { ...one, run: (...given) => (alone++, one.run(...given)) };
    const strays: string[] = [];
    return { session: createBatchSession(runtime, graph, plainOptions, counted, 8, (reason) => strays.push(reason)), one, strays, alone: () => alone };
  };

  it("has nobody lose by an input that the graph cannot take", () => {
    // Rows 0 to 3 of a table.
    const graph = modelOf([["x", 7, [1, 3]]], [makeNode("Gather", ["w", "x"], ["y"])], [["y", 1, [1, 3, 2]]], [makeTensor("w", 1, [4, 2], floats(0, 1, 2, 3, 4, 5, 6, 7))]);
    const rows = (...numbers: number[]): [Uint8Array] => [new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer)];
    const one = createNativeSession(runtime, graph, plainOptions, createArena(64));
    const strays: string[] = [];
    const session = createBatchSession(runtime, batchGraph(graph, { threads: 1 }) as Uint8Array, plainOptions, one, 8, (reason) => strays.push(reason));
    expect(session.run([rows(0, 1, 2), rows(1, 2, 99)])).toBeUndefined();
    expect(session.run([rows(0, 1, 2), rows(1, 2, 3)])?.map(([y]) => new Uint8Array(y!))).toEqual([floats(0, 1, 2, 3, 4, 5), floats(2, 3, 4, 5, 6, 7)]);
    expect([session.most, strays]).toEqual([8, []]);
    session.release();
  });

  it("gives each job its own results, those of a run alone", () => {
    const { session, one, strays } = open(many);
    for (const jobs of [2, 8, 3, 2]) {
      const inputs = Array.from({ length: jobs }, (_, job) => [input(job)]);
      const results = session.run(inputs);
      expect(results?.length).toBe(jobs);
      inputs.forEach((own, job) => one.run(own).bytes.forEach((bytes, i) => expect(Buffer.compare(bytes, results![job]![i]!)).toBe(0)));
    }
    expect([session.most, strays]).toEqual([8, []]);
    session.release();
  });

  it("repeats the first runs of each number of jobs one by one, and one of many later", () => {
    const { session, alone } = open(many);
    for (let run = 0; run < 10; run++) session.run([[input(1)], [input(2)]]);
    expect(alone()).toBe(4 * 2);
    session.run([[input(1)], [input(2)], [input(3)]]);
    expect(alone()).toBe(4 * 2 + 3);
    for (let run = 10; run < 1025; run++) session.run([[input(1)], [input(2)]]);
    expect(alone()).toBe(4 * 2 + 3 + 2);
    session.release();
  });

  it.each([
    ["has other results", other, /other results than one by one/],
    ["cannot be run", single, /dimensions/i],
  ])("is given up if it %s", (_, graph, reason) => {
    const { session, strays } = open(graph);
    expect(session.run([[input(1)], [input(2)]])).toBeUndefined();
    expect(session.most).toBe(1);
    expect(strays.length).toBe(1);
    expect(strays[0]).toMatch(reason);
    expect(session.run([[input(1)], [input(2)]])).toBeUndefined();
    session.release();
    expect(strays.length).toBe(1);
  });
});

describe("batch", () => {
  const running: Inference[] = [];
  const pids: number[] = [];
  const said: string[] = [];
  const make = (): Inference => {
    const quiet = () => undefined;
    const debug = (fields: object): void => {
      if ("pid" in fields && "version" in fields) pids.push(fields.pid as number);
      if ("text" in fields) said.push(fields.text as string);
    };
    const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: { debug, info: quiet, warn: quiet, error: quiet } });
    running.push(inference);
    return inference;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((inference) => inference.stop()));
    said.splice(0);
  });
  const feed = (seed: number) => ({ x: { dtype: 1 as const, shape: [1, N], bytes: input(seed) } });
  const squares = (seed: number): Uint8Array => new Uint8Array(new Float32Array(input(seed).buffer).map((value) => Math.fround(value * value)).buffer);
  /** Runs many at once, and checks each of them. */
  const check = async (inference: Inference): Promise<void> => {
    await inference.hold("pair", feed(0)).then(({ release }) => release());
    await Promise.all(
      Array.from({ length: 40 }, async (_, seed) => {
        const held = await inference.hold("pair", feed(seed));
        const z = held.outputs[held.names.indexOf("z")];
        expect(Buffer.compare(z!.peek(), squares(seed))).toBe(0);
        if (z!.hashed !== undefined) expect(z!.hashed.root).toBe(toHex(tensorRoot(squares(seed))));
        held.release();
        const { z: again } = await inference.run("pair", feed(seed));
        expect(Buffer.compare(again!.bytes, squares(seed))).toBe(0);
      }),
    );
  };

  it("keeps jobs that share a run apart, also in a process that is started again", async () => {
    const inference = make();
    await inference.load("pair", single);
    await inference.batch("pair", many, 8);
    await check(inference);
    // After the second time they are done one by one.
    for (let life = 0; life < 3; life++) {
      process.kill(pids.at(-1)!, "SIGKILL");
      await expect.poll(() => inference.run("pair", feed(1)).then(() => "done", ({ code }: GainsayError) => code), { timeout: 10_000 }).toBe("done");
      await check(inference);
    }
    expect(new Set(pids).size).toBe(4);
    expect(said).toEqual([]);
  });

  it("goes on one by one where results differ, and says so", async () => {
    const inference = make();
    await inference.load("pair", single);
    await inference.batch("pair", other, 8);
    await check(inference);
    await expect.poll(() => said.join("")).toContain("jobs of pair are done one by one from now on");
  });

  it("refuses what has no fixed shapes, is not loaded, or is no graph, and runs on", async () => {
    const inference = make();
    const model = parseModel(single);
    for (const { type } of [...model.graph.input, ...model.graph.output]) type!.tensorType!.shape!.dim[1]!.value = { case: "dimParam", value: "n" };
    await inference.load("open", serializeModel(model));
    await expect(inference.batch("open", many, 8)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
    await expect(inference.batch("nothing", many, 8)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
    await inference.load("pair", single);
    await expect(inference.batch("pair", new Uint8Array([1, 2, 3]), 8)).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await check(inference);
  });

  it("takes the check of a file that is damaged to heart, and runs on", async () => {
    const inference = make();
    await inference.load("pair", single);
    const damaged = { path: "/nonexistent/batch.onnx", check: () => Promise.reject(new Error("damaged")) };
    await expect(inference.batch("pair", damaged, 8)).rejects.toThrow("damaged");
    await check(inference);
  });
});
