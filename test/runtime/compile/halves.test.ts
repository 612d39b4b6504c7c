import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { operandReader, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { floatTwin } from "../../../protocol/lowering/floatTwin.ts";
import { commitShape, cutInputName, cutOutputName } from "../../../protocol/lowering/graphNames.ts";
import { checkGraph } from "../../../protocol/lowering/tracedGraph.ts";
import { elementReader, elementValue, isHalf, type RawElement } from "../../../protocol/program/elements.ts";
import { numberToBfloat, numberToHalf } from "../../../protocol/program/halfFloat.ts";
import { hasInner } from "../../../protocol/program/blocks.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { dtypeBytes, dtypes, profiles, sources, type Dtype } from "../../../protocol/program/types.ts";
import { selfTest } from "../../../node/selfTest.ts";
import { elementType, readElement } from "../../../runtime/audit/elementTypes.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { readTypes } from "../../../runtime/compile/readTypes.ts";
import { fromResult, toFeed } from "../../../runtime/inference/bfloats.ts";
import { throughFloats } from "../../../runtime/inference/throughFloats.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { decodeOutput } from "../../../runtime/inference/decodeOutput.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { buildOnnx, noise, op } from "../../support/onnxBuilder.ts";

const quiet = () => undefined;
const runner = createFoldRunner();
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
const hasher = createHasher({ threads: 1 });
beforeAll(() => hasher.start());
afterAll(async () => {
  runner.close();
  await inference.stop();
  await hasher.stop();
});

const narrow = (dtype: Dtype, values: Iterable<number>): Uint8Array => new Uint8Array(Uint16Array.from(values, dtype === dtypes.float16 ? numberToHalf : numberToBfloat).buffer);

/** A convolution, a product with an epilogue, a softmax, a layer norm, a detour through float32, a choice and a lookup, in a half type. */
function model(dtype: Dtype): Uint8Array {
  const weight = (name: string, shape: number[], seed: number, scale = 1) => makeTensor(name, dtype, shape, narrow(dtype, noise(shape.reduce((a, b) => a * b, 1), seed).map((value) => value * scale)));
  const number = (name: string, value: number) => makeTensor(name, dtype, [], narrow(dtype, [value]));
  return buildOnnx({
    inputType: dtype,
    inputs: { x: [1, 3, 6, 6] },
    initializers: [weight("w", [4, 3, 3, 3], 1), weight("b", [4], 2), weight("m", [6, 5], 3), weight("r", [5], 4, 100), weight("g", [5], 5), weight("h", [5], 6), number("two", 2), number("three", 3), makeTensor("at", 7, [2], new Uint8Array(BigInt64Array.of(3n, 0n).buffer))],
    nodes: [
      op("Conv", ["x", "w", "b"], ["c"], { pads: { ints: [1, 1, 1, 1] } }),
      op("Relu", ["c"], ["relu"]),
      op("Shape", ["relu"], ["shape"]),
      op("Reshape", ["relu", "shape"], ["same"]),
      op("MatMul", ["same", "m"], ["product"]),
      op("Add", ["product", "r"], ["sum"]),
      op("Mul", ["two", "three"], ["six"]),
      op("Div", ["sum", "six"], ["scaled"]),
      op("Softmax", ["scaled"], ["soft"]),
      op("LayerNormalization", ["soft", "g", "h"], ["normal"]),
      op("Gelu", ["normal"], ["gelu"]),
      op("Cast", ["gelu"], ["wide"], { to: { int: dtypes.float32 } }),
      op("Exp", ["wide"], ["exp"]),
      op("Cast", ["exp"], ["back"], { to: { int: dtype } }),
      op("Less", ["normal", "gelu"], ["less"]),
      op("Where", ["less", "back", "scaled"], ["chosen"]),
      op("Gather", ["chosen", "at"], ["picked"], { axis: { int: 2 } }),
      op("ReduceMax", ["picked"], ["y"]),
      op("ReduceMean", ["picked"], ["z"]),
    ],
    outputs: ["y", "z", "chosen"],
    outputTypes: { y: dtype, z: dtype, chosen: dtype },
  });
}

describe.each([["float16", dtypes.float16], ["bfloat16", dtypes.bfloat16]] as const)("a %s model", (_, dtype) => {
  it.each(["layer", "block"] as const)("with %s granularity runs as it was committed, and every value beyond what is sound is fraud", async (granularity) => {
    const bundle = await compileModel({ modelBytes: model(dtype), granularity }, { runner });
    const { program } = bundle;
    const loaded = prepareProgram(bundle, inference, hasher);
    const twoLevel = hasInner(program);
    expect(twoLevel).toBe(granularity === "block");
    if (!twoLevel) await selfTest(loaded);

    const [input] = program.inputs;
    expect(input?.dtype).toBe(dtype);
    const trace = await loaded.execute([narrow(dtype, noise(108, 9))]);
    const posted = { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) };
    const expansions = twoLevel ? await Promise.all(program.blocks.map((__, index) => loaded.expand(index, posted))) : [];
    for (const { borders } of expansions) for (const [index, bytes] of borders) expect(Buffer.compare(bytes, posted.tensors[index]!)).toBe(0);
    const again = await loaded.recompute(posted.inputs, posted.tensors);
    again.forEach((bytes, index) => expect(Buffer.compare(bytes, posted.tensors[index]!)).toBe(0));
    let lies = 0;
    for (const step of program.steps) {
      if (step.profile === profiles.fp32) expect(step.operands.some((operand) => isHalf(operand.dtype))).toBe(false);
      const inner = expansions[step.blockIndex]?.tensors ?? [];
      const tensors: ExecutionTensors = { inputs: trace.inputs, trace: trace.tensors, inner: () => inner, weight: await loaded.weights() };
      const { bytes } = (step.result.source === sources.trace ? trace.tensors : inner)[step.result.index]!;
      const read = operandReader(step, tensors);
      const claimed = elementReader(bytes, step.result.dtype);
      const type = elementType(step.result.dtype);
      for (let element = 0; element < bytes.length / type.bytes; element++) {
        const found = judgeElement(step, read, element, claimed(element));
        expect(found.fraud, `step ${program.nodes[program.steps.indexOf(step)]?.join()} element ${element}`).toBe(false);
        const ends = type.enclosure(found);
        if (ends === undefined) continue;
        for (const place of [ends.lo - 1n, ends.hi + 1n]) {
          if (place < type.least || place > type.greatest) continue;
          const lie = new Uint8Array(type.bytes);
          for (let k = 0, bits = type.at(place); k < type.bytes; k++, bits >>= 8n) lie[k] = Number(bits & 0xffn);
          expect(readElement(step.result.dtype, lie, 0)).toBe(type.at(place));
          expect(judgeElement(step, read, element, elementReader(lie, step.result.dtype)(0)).fraud).toBe(true);
          lies++;
        }
      }
    }
    expect(lies).toBeGreaterThan(1000);
    expect(trace.outputs.map((index, k) => decodeOutput(program, k, trace.tensors[index]!.bytes).dtype)).toEqual([dtype, dtype, dtype]);
  });

  it("is sound where a kernel rounds every value in between", async () => {
    const bundle = await compileModel({ modelBytes: model(dtype) }, { runner });
    const { program } = bundle;
    const loaded = prepareProgram(bundle, inference, hasher);
    const trace = await loaded.execute([narrow(dtype, noise(108, 9))]);
    const parsed = parseModel(bundle.model);
    const types = await readTypes(parsed, runner, true);
    const rounding = { program, model: serializeModel(floatTwin(parsed, new Map([...types].map(([name, type]) => [name, type.dtype])))) };
    const { inputs } = await inference.load("rounding", throughFloats(program, checkGraph(rounding)));
    const feeds = new Map([
      ...program.inputs.map(({ name, dtype: type, shape }, i) => [name, toFeed({ dtype: type, shape, bytes: trace.inputs[i]!.bytes })] as const),
      ...program.trace.map((tensor, i) => [cutInputName(tensor.step), toFeed({ dtype: tensor.dtype, shape: commitShape(tensor), bytes: trace.tensors[i]!.bytes })] as const),
    ]);
    const results = await inference.run("rounding", Object.fromEntries(inputs.map(({ name }) => [name, feeds.get(name)!])));
    let apart = 0;
    for (const [index, step] of program.steps.entries()) {
      const read = operandReader(step, { inputs: trace.inputs, trace: trace.tensors, inner: () => undefined, weight: await loaded.weights() });
      const rounded = fromResult(results[cutOutputName(index)]!, step.result.dtype).bytes;
      const [claimed, own] = [rounded, trace.tensors[step.result.index]!.bytes].map((bytes) => elementReader(bytes, step.result.dtype)) as [(at: number) => RawElement, (at: number) => RawElement];
      for (let element = 0; element * dtypeBytes[step.result.dtype] < rounded.length; element++) {
        expect(judgeElement(step, read, element, claimed(element)).fraud, `step ${program.nodes[index]?.join()} element ${element}`).toBe(false);
        if (claimed(element) !== own(element)) apart++;
      }
    }
    expect(apart).toBeGreaterThan(15);
  });

  it("keeps its weights and values in that type, with constants folded", async () => {
    const { model: folded, program } = await compileModel({ modelBytes: model(dtype) }, { runner });
    const { graph } = parseModel(folded);
    expect(graph.node.map(({ opType }) => opType)).not.toContain("Shape");
    expect(graph.node.some(({ name }) => name.includes("PrecisionFree"))).toBe(false);
    const six = graph.initializer.find(({ name }) => name === "six");
    expect(six?.dataType).toBe(dtype);
    expect(elementValue(elementReader(six!.rawData, dtype)(0), dtype)).toBe(6);
    expect(program.weights.filter((weight) => weight.dtype === dtype).map(({ name }) => name)).toEqual(expect.arrayContaining(["w", "b", "m", "r"]));
    expect(program.outputs.map((output) => output.dtype)).toEqual([dtype, dtype, dtype]);
  });
});

it("refuses a model with both half types", async () => {
  const modelBytes = buildOnnx({ inputType: dtypes.float16, inputs: { x: [2] }, nodes: [op("Cast", ["x"], ["y"], { to: { int: dtypes.bfloat16 } })], outputs: ["y"], outputTypes: { y: dtypes.bfloat16 } });
  await expect(compileModel({ modelBytes }, { runner })).rejects.toMatchObject({ code: "MODEL_UNSUPPORTED" });
});
