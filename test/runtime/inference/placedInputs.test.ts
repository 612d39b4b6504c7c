import { afterEach, describe, expect, it } from "vitest";
import { makeNode } from "../../../protocol/onnx/graphs.ts";
import { createInference, type Inference } from "../../../runtime/inference/createInference.ts";
import { openSpool, type Spool } from "../../../runtime/inference/createSpool.ts";
import { mapFile } from "../../../runtime/mapFile.ts";
import { placedInputs, sendInputs } from "../../../runtime/inference/placedInputs.ts";
import { isMappable } from "./isMappable.ts";
import { modelOf } from "./smallModels.ts";

/** A file that cannot be mapped. */
const nowhere = { view: () => undefined };
const pattern = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7 + seed);

describe.skipIf(!isMappable(64 * 1024 * 1024))("inputs of many bytes (needs 64 MiB of /dev/shm)", () => {
  let spool: Spool;
  const use = (): Spool => {
    spool = openSpool()!;
    for (let i = 0; i < 16; i++) spool.reserve(10)!.release();
    return spool;
  };
  afterEach(() => spool.close());

  it.each([[[100_000]], [[70_001, 3, 0, 64]], [[5 * 1024 * 1024]]])("lie in the mapped part of the spool, of %j bytes", (lengths) => {
    const inputs = lengths.map(pattern);
    const { parts, region } = sendInputs(inputs, use());
    expect(region?.mapped).toBe(true);
    expect(parts.length).toBe(1);
    for (const memory of [mapFile(spool.fd), nowhere]) {
      const found = placedInputs(parts[0]!, memory, spool.fd);
      expect(found.map(({ length }) => length)).toEqual(lengths);
      found.forEach((bytes, i) => expect(Buffer.compare(bytes, inputs[i]!)).toBe(0));
      // As elements in the middle of ONNX Runtime's own buffers do.
      for (const { byteOffset } of found) expect(byteOffset % 64).toBe(0);
    }
    region?.release();
  });

  it("are sent if they are few bytes, or too many, or there is no room", () => {
    use();
    for (const lengths of [[100], [30_000, 20_000], [17 * 1024 * 1024], []]) {
      const inputs = lengths.map(pattern);
      const { parts, region } = sendInputs(inputs, spool);
      expect([region, parts.length]).toEqual([undefined, inputs.length]);
      parts.forEach((part, i) => expect(part).toBe(inputs[i]));
    }
    const all = Array.from({ length: 100 }, () => spool.reserve(4 * 1024 * 1024)).filter((region) => region !== undefined);
    const input = pattern(100_000, 1);
    expect(sendInputs([input], spool).parts[0]).toBe(input);
    for (const region of all) region.release();
    expect(sendInputs([input], undefined).parts[0]).toBe(input);
  });

  it("are missed where the file ends before them", () => {
    use();
    expect(() => placedInputs(new Uint8Array(Float64Array.of(2 ** 30, 10).buffer), nowhere, spool.fd)).toThrow(/not where they are said to be/);
  });
});

describe("runs with inputs of many bytes", () => {
  const N = 30_000;
  const running: Inference[] = [];
  afterEach(async () => void (await Promise.all(running.splice(0).map((inference) => inference.stop()))));
  /** y = relu(x), z = x · x. */
  const model = modelOf([["x", 1, [1, N]]], [makeNode("Relu", ["x"], ["y"]), makeNode("Mul", ["x", "x"], ["z"])], [["y", 1, [1, N]], ["z", 1, [1, N]]]);
  const feed = (seed: number) => ({ x: { dtype: 1 as const, shape: [1, N], bytes: new Uint8Array(Float32Array.from({ length: N }, (_, i) => Math.sin(i + seed)).buffer) } });
  const squares = (seed: number): Uint8Array => new Uint8Array(new Float32Array(feed(seed).x.bytes.buffer).map((value) => Math.fround(value * value)).buffer);

  it("have the results of their own inputs, also after the process was killed in the middle", async () => {
    const pids: number[] = [];
    const quiet = () => undefined;
    const debug = (fields: object): void => void ("version" in fields && "pid" in fields && pids.push(fields.pid as number));
    const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: { debug, info: quiet, warn: quiet, error: quiet } });
    running.push(inference);
    await inference.load("pair", model);
    for (let life = 0; life < 3; life++) {
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, async (_, seed) => {
          if (seed === 30 && life > 0) process.kill(pids.at(-1)!, "SIGKILL");
          const held = await (seed % 2 === 0 ? inference.hold("pair", feed(seed)) : inference.run("pair", feed(seed)).then(({ z }) => ({ outputs: [z!, z!].map((one) => ({ peek: () => one.bytes })), release: quiet }))).catch(() => undefined);
          if (held === undefined) return "lost";
          const same = Buffer.compare(held.outputs[1]!.peek(), squares(seed)) === 0;
          held.release();
          return same ? "same" : "other";
        }),
      );
      expect(outcomes.filter((outcome) => outcome === "other")).toEqual([]);
      // The run that was alone when the process ended is not tried again.
      expect(outcomes.filter((outcome) => outcome === "lost").length).toBeLessThanOrEqual(life === 0 ? 0 : 1);
    }
    expect(new Set(pids).size).toBe(3);
  });
});
