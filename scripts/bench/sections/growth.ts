import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { ints, Net } from "../../families/Net.ts";
import { measureLoops } from "../measureLoops.ts";
import { plotLines } from "../plots/plotLines.ts";
import type { BenchContext, Section, Table } from "../section.ts";
import { times } from "../spread.ts";
import { makeSubject, type Subject } from "../subjects.ts";
import type { LoopTime } from "../timeLoops.ts";
import { measureMemory, type ModelMemory } from "./memory.ts";

/** Jobs in flight. */
const WIDTHS = [1, 4] as const;
/** Rounds, at most: the large ones take long. */
const ROUNDS = 5;

interface Grown {
  model: string;
  /** Bytes of the weights, or of the input. */
  bytes: number;
  compileMs: number;
  plain: LoopTime;
  jobs: Record<number, LoopTime>;
  memory: ModelMemory;
}

interface Growth {
  weights: Grown[];
  input: Grown[];
}

/** Megabytes of weights of the generated perceptrons, and pixels a side of the inputs of the generated convolutional networks. */
const weightSizes = [1, 4, 16, 64, 256, 1024];
const sides = [64, 128, 256, 512, 1024];

/** How cost grows with the model and with its input. */
export const growth: Section<Growth> = {
  name: "growth",
  title: "How cost grows",
  about: "Generated models: perceptrons of eight square layers with more and more weights, and convolutional networks (16 channels, three layers, a mean at the end) on larger and larger pictures. Granularity block.",
  onRequest: true,
  async measure(context) {
    const grow = async (subjects: readonly (readonly [Subject, number])[]): Promise<Grown[]> => {
      const grown: Grown[] = [];
      for (const [subject, bytes] of subjects) {
        context.note(`growth: ${subject.name}`);
        grown.push(await measureGrown(subject, bytes, context));
      }
      return grown;
    };
    return {
      weights: await grow(weightSizes.map((megabytes) => [makeSubject(`${megabytes} MB of weights`, perceptron(megabytes)), megabytes * 1e6])),
      input: await grow(sides.map((side) => [makeSubject(`${side} × ${side} pixels`, convolutions(side)), 3 * side * side * 4])),
    };
  },
  tables: ({ weights, input }) => [tableOf("Weights", weights), tableOf("Input", input)],
  plots: ({ weights, input }) =>
    ([["weights", "bytes of weights", weights], ["input", "bytes of input", input]] as const).map(([name, label, grown]) => ({
      file: `growth-${name}.svg`,
      svg: plotLines({
        title: `Cost of a job by ${label}`,
        x: { label, values: grown.map(({ bytes }) => bytes) },
        y: { label: "÷ plain ONNX Runtime" },
        lines: [...WIDTHS.map((width) => ({ label: `${width} in flight`, values: grown.map((one) => ratio(one, width)) })), { label: "memory", values: grown.map(({ memory }) => (memory.daemon + memory.inference) / memory.plain) }],
      }),
    })),
};

async function measureGrown(subject: Subject, bytes: number, context: BenchContext): Promise<Grown> {
  const runner = createFoldRunner();
  try {
    const started = performance.now();
    const bundle = await compileModel({ modelBytes: subject.modelBytes, shapes: subject.shapes, granularity: "block" }, { runner });
    const compileMs = performance.now() - started;
    const once = { rounds: Math.min(ROUNDS, context.rounds), threads: context.threads, bundle: async () => bundle };
    const { plain, lanes } = await measureLoops(subject, once, { threads: context.threads, plainThreads: [context.threads], granularities: ["block"], widths: WIDTHS });
    const memory = await measureMemory(subject, once);
    return { model: subject.name, bytes, compileMs, plain: plain[context.threads] as LoopTime, jobs: Object.fromEntries(WIDTHS.map((width) => [width, lanes[`block/${width}`] as LoopTime])), memory };
  } finally {
    runner.close();
  }
}

function tableOf(caption: string, grown: readonly Grown[]): Table {
  return {
    caption,
    header: ["model", "compile s", "plain ms", ...WIDTHS.map((width) => `${width} in flight`), "memory, plain MiB", "daemon", "inference process"],
    rows: grown.map((one) => [one.model, (one.compileMs / 1000).toFixed(2), one.plain.milliseconds.median.toFixed(2), ...WIDTHS.map((width) => times(ratio(one, width))), ...[one.memory.plain, one.memory.daemon, one.memory.inference].map((bytes) => (bytes / 2 ** 20).toFixed(0))]),
  };
}

function ratio(one: Grown, width: number): number {
  return (one.jobs[width] as LoopTime).milliseconds.median / one.plain.milliseconds.median;
}

/** Eight square layers with ReLU between them. */
function perceptron(megabytes: number): Uint8Array {
  const net = new Net(17);
  const width = Math.round(Math.sqrt((megabytes * 1e6) / 4 / 8) / 16) * 16;
  let value = net.input("x", [1, width]);
  for (let layer = 0; layer < 8; layer++) value = net.op("Relu", [net.op("MatMul", [value, net.weight([width, width], width)])]);
  net.output(value);
  return net.serialize();
}

/** Three convolutions with a stride of two, and what is left of the picture in the mean. */
function convolutions(side: number): Uint8Array {
  const net = new Net(17);
  let value = net.input("x", [1, 3, side, side]);
  for (let layer = 0, channels = 3; layer < 3; layer++, channels = 16) value = net.op("Relu", [net.op("Conv", [value, net.weight([16, channels, 3, 3])], { strides: ints(2, 2), pads: ints(1, 1, 1, 1) })]);
  net.output(net.op("GlobalAveragePool", [value]));
  return net.serialize();
}
