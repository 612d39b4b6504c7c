import { afterEach, describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { makeNode } from "../../../protocol/onnx/graphs.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { toHex } from "../../../protocol/hex.ts";
import { createInference, type Inference } from "../../../runtime/inference/createInference.ts";
import type { HeldRun, HeldTensor } from "../../../runtime/inference/heldRun.ts";
import { floats, modelOf } from "./smallModels.ts";

const running: Inference[] = [];
const pids: number[] = [];

function make(): Inference {
  const quiet = () => undefined;
  const debug = (fields: object): void => void ("pid" in fields && typeof fields.pid === "number" && pids.push(fields.pid));
  const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: { debug, info: quiet, warn: quiet, error: quiet } });
  running.push(inference);
  return inference;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((inference) => inference.stop()));
});

/** y = relu(x), z = x · x for n floats. */
const pairModel = (n: number): Uint8Array => modelOf([["x", 1, [n]]], [makeNode("Relu", ["x"], ["y"]), makeNode("Mul", ["x", "x"], ["z"])], [["y", 1, [n]], ["z", 1, [n]]]);

/** The same for any number of floats. */
function openModel(): Uint8Array {
  const model = parseModel(pairModel(1));
  for (const { type } of [...model.graph.input, ...model.graph.output]) for (const dim of type!.tensorType!.shape!.dim) dim.value = { case: "dimParam", value: "n" };
  return serializeModel(model);
}
const feed = (n: number, seed = 1) => ({ x: { dtype: 1 as const, shape: [n], bytes: new Uint8Array(Float32Array.from({ length: n }, (_, i) => Math.sin(i * seed)).buffer) } });

const outputOf = ({ names, outputs }: HeldRun, name: string): HeldTensor => outputs[names.indexOf(name)] as HeldTensor;

describe("hold", () => {
  it.each([10, 2_000, 100_000])("gives what run gives, of %i elements", async (n) => {
    const inference = make();
    await inference.load("pair", pairModel(n));
    const expected = await inference.run("pair", feed(n));
    const held = await inference.hold("pair", feed(n));
    for (const name of ["y", "z"]) {
      const tensor = outputOf(held, name);
      expect(tensor).toMatchObject({ dtype: 1, shape: [n], byteLength: 4 * n });
      expect(Buffer.compare(tensor.peek(), expected[name]!.bytes)).toBe(0);
      expect(Buffer.compare(tensor.read(), expected[name]!.bytes)).toBe(0);
    }
    held.release();
  });

  it("hashes outputs in the process as committed tensors, once that has nothing else to do", async () => {
    const inference = make();
    const n = 3_000;
    await inference.load("pair", pairModel(n));
    const { y } = await inference.run("pair", feed(n));
    let hashed = 0;
    for (let i = 0; i < 2000 && hashed < 20; i++) {
      // The daemon is at work, the process waits: it takes on more and more.
      for (const until = performance.now() + 1; performance.now() < until; );
      const held = await inference.hold("pair", feed(n));
      const tensor = outputOf(held, "y");
      if (tensor.hashed !== undefined) {
        hashed++;
        expect(tensor.hashed.root).toBe(toHex(tensorRoot(new Uint8Array(y!.bytes))));
        expect(Buffer.compare(tensor.hashed.leaves, tensorLeaves(new Uint8Array(y!.bytes)))).toBe(0);
      }
      held.release();
    }
    expect(hashed).toBe(20);
  });

  it("gives an input that is an output, too, and no bytes of another job in its place", async () => {
    const inference = make();
    const n = 2_000;
    await inference.load("passing", modelOf([["x", 1, [n]]], [makeNode("Relu", ["x"], ["y"])], [["y", 1, [n]], ["x", 1, [n]]]));
    await inference.load("pair", pairModel(n));
    for (let seed = 1; seed <= 20; seed++) {
      (await inference.hold("pair", feed(n, -seed))).release();
      const held = await inference.hold("passing", feed(n, seed));
      expect(Buffer.compare(outputOf(held, "x").peek(), feed(n, seed).x.bytes)).toBe(0);
      held.release();
      const { x } = await inference.run("passing", feed(n, seed));
      expect(Buffer.compare(x!.bytes, feed(n, seed).x.bytes)).toBe(0);
    }
    await expect(inference.batch("passing", pairModel(n), 8)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
  });

  it("keeps names with their outputs where names are numbers", async () => {
    const inference = make();
    await inference.load("numbered", modelOf([["x", 1, [2]]], [makeNode("Relu", ["x"], ["10"]), makeNode("Neg", ["x"], ["2"])], [["10", 1, [2]], ["2", 1, [2]]]));
    const held = await inference.hold("numbered", { x: { dtype: 1, shape: [2], bytes: floats(1, -2) } });
    expect(held.names).toEqual(["10", "2"]);
    expect(held.outputs.map((tensor) => new Uint8Array(tensor.peek()))).toEqual([floats(1, 0), floats(-1, 2)]);
  });

  it("has a spool again after a stop during which it was called", async () => {
    const inference = make();
    const n = 2_000;
    await inference.load("pair", pairModel(n));
    const isSpooled = async (): Promise<boolean> => {
      const held = await inference.hold("pair", feed(n));
      held.release();
      return outputOf(held, "y").file !== undefined;
    };
    const stopping = inference.stop();
    const during = isSpooled();
    await stopping;
    expect([await during, await isSpooled()]).toEqual([true, true]);
  });

  it("keeps outputs until they are released, whatever is run meanwhile", async () => {
    const inference = make();
    const n = 2_000;
    await inference.load("pair", pairModel(n));
    const seeds = Array.from({ length: 30 }, (_, i) => i + 1);
    const held = await Promise.all(seeds.map((seed) => inference.hold("pair", feed(n, seed))));
    held.forEach((one, i) => expect(new Float32Array(new Uint8Array(outputOf(one, "z").read()).buffer)[7]).toBe(Math.fround(Math.fround(Math.sin(7 * seeds[i]!)) ** 2)));
    held[3]!.release();
    expect(() => outputOf(held[3]!, "y").read()).toThrow(expect.objectContaining({ code: "OUTPUTS_RELEASED" }));
    expect(outputOf(held[4]!, "y").read()).toHaveLength(4 * n);
  });

  it("sends outputs with the answer when the spool is full, or their shapes are not fixed", async () => {
    const inference = make();
    await inference.load("large", pairModel(1_500_000));
    const held = await Promise.all(Array.from({ length: 9 }, (_, i) => inference.hold("large", feed(1_500_000, i + 1))));
    held.forEach((one, i) => expect(new Float32Array(new Uint8Array(outputOf(one, "y").read().subarray(0, 8)).buffer)[1]).toBe(Math.max(0, Math.fround(Math.sin(i + 1)))));
    for (const { release } of held) release();
    await inference.load("open", openModel());
    expect(outputOf(await inference.hold("open", feed(5_000)), "y").byteLength).toBe(20_000);
  });

  it("gives up the place of a run that failed, was called off or lost its process", async () => {
    const inference = make();
    // Each takes a quarter of the spool: with a place lost, there would soon be none.
    const n = 2_000_000;
    await inference.load("large", pairModel(n));
    const outcome = (run: Promise<HeldRun>): Promise<string> => run.then(({ release }) => (release(), "done"), (error: GainsayError) => error.code);
    const outcomes = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const lost = outcome(inference.hold("large", feed(n)));
      await new Promise((resolve) => setTimeout(resolve, 3));
      process.kill(pids.at(-1)!, "SIGKILL");
      outcomes.add(await lost);
      const abort = new AbortController();
      const off = outcome(inference.hold("large", feed(n), { signal: abort.signal }));
      abort.abort();
      outcomes.add(await off);
      outcomes.add(await outcome(inference.hold("large", { x: feed(n - 1).x })));
    }
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(["INFERENCE_ABORTED", "INPUT_MISMATCH"]));
    const held = await inference.hold("large", feed(n));
    expect(outputOf(held, "y").bytes).toBeUndefined();
    held.release();
  });

  it("gives the same bits wherever in the ring the input lies", async () => {
    const inference = make();
    const n = 1003;
    await inference.load("sum", modelOf([["x", 1, [n]], ["w", 1, [n]]], [makeNode("Mul", ["x", "w"], ["p"]), makeNode("ReduceSum", ["p"], ["y"], { keepdims: { int: 0 } })], [["y", 1, []]]));
    await inference.load("pad", openModel());
    const inputs = { x: feed(n).x, w: feed(n, 3).x };
    const first = Buffer.from((await inference.run("sum", inputs)).y!.bytes).toString("hex");
    // Frames of all lengths move those behind them to other places, over the ring's end too; the last are too long for it.
    for (let i = 0; i < 600; i++) {
      const [result] = await Promise.all([inference.run("sum", inputs), inference.run("pad", feed(1 + ((i * 977) % 9000)))]);
      expect(Buffer.from(result.y!.bytes).toString("hex")).toBe(first);
    }
    const long = 400_003;
    await inference.load("long", modelOf([["x", 1, [long]], ["z", 1, [3]]], [makeNode("ReduceSum", ["x"], ["y"], { keepdims: { int: 0 } })], [["y", 1, []]]));
    const sums = new Set<string>();
    for (let i = 0; i < 8; i++) sums.add(Buffer.from((await inference.run("long", { x: feed(long).x, z: feed(3).x })).y!.bytes).toString("hex"));
    expect(sums.size).toBe(1);
  });
});
