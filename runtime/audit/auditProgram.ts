import { isInner } from "../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { dtypeBytes, stepKinds } from "../../protocol/program/types.ts";
import type { InnerTrace } from "../inference/innerTrace.ts";
import type { Trace } from "../inference/trace.ts";
import type { LoadedProgram } from "../programs/loadedProgram.ts";
import type { JudgeChain } from "./createJudgeChain.ts";
import { examineStep, type Fault, type StepExamination } from "./examineStep.ts";
import { openExecution } from "./openExecution.ts";
import { chooseElements, createRandom } from "./random.ts";
import { seededInputs } from "./seededInputs.ts";

export interface AuditOptions {
  /** Committed bytes of the inputs in program order; without them, inputs from the seed. */
  inputs: readonly Uint8Array[] | undefined;
  /** Elements judged of each step. */
  samples: number;
  seed: number;
  signal?: AbortSignal;
  /** Is told before each step. */
  onStep?: (index: number, count: number) => void;
}

/** One step of an audited program; gas in units, sizes in bytes. */
export interface AuditedStep extends Omit<StepExamination, "faults" | "scale"> {
  index: number;
  kind: string;
  /** Nodes of the folded graph that the step covers. */
  nodes: string[];
  elements: number;
  committedBytes: number;
}

export interface AuditTotals {
  steps: number;
  elements: number;
  committedBytes: number;
  judged: number;
  sound: number;
  falseFraud: number;
  corrupted: number;
  fraudCaught: number;
  fraudMissed: number;
  disagreements: number;
  refused: number;
  oversized: number;
  beyondPool: number;
  gasMax: number;
  witnessBytesMax: number;
  /** Step with the dearest verdict. */
  worstStep: number;
  /** Steps of which no false value could be found, because the judge accepts anything there. */
  undisputable: number[];
}

export interface Audit {
  steps: AuditedStep[];
  totals: AuditTotals;
  faults: Fault[];
  /** Every honest element sound, every false one fraud, the twins agreed, every verdict fits one transaction. */
  holds: boolean;
}

const kindNames = Object.fromEntries(Object.entries(stepKinds).map(([name, number]) => [number, name]));
/** Ranges of seeded indices, tried in turn: the graph itself may refuse an index that its table does not have. */
const INDEX_RANGES = [8, 2, 1];
const counted = ["judged", "sound", "falseFraud", "corrupted", "fraudCaught", "fraudMissed", "disagreements", "refused", "oversized", "beyondPool", "elements", "committedBytes"] as const;

/** Runs a program once and puts samples of every step, inside of blocks too, honest and falsified, before the contracts. */
export async function auditProgram(loaded: LoadedProgram, options: AuditOptions, { chain }: { chain: JudgeChain }): Promise<Audit> {
  const { program } = loaded;
  const { signal, samples, seed } = options;
  const trace = await execute(loaded, options);
  const posted = { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) };
  // Blocks come one after the other, so one inner trace at a time is enough.
  let inside: InnerTrace | undefined;
  const execution = openExecution(program, { inputs: trace.inputs, trace: trace.tensors, inner: (block) => (inside?.blockIndex === block ? inside.tensors : undefined), weight: await loaded.weights() });
  const random = createRandom(seed);
  const steps: AuditedStep[] = [];
  const faults: Fault[] = [];
  for (const [index, step] of program.steps.entries()) {
    options.onStep?.(index, program.steps.length);
    if (isInner(step) && inside?.blockIndex !== step.blockIndex) inside = await loaded.expand(step.blockIndex, posted, signal);
    const elements = step.result.shape.reduce((product, size) => product * size, 1);
    const { faults: found, scale: _, ...examination } = await examineStep(execution, chain, index, chooseElements(elements, samples, random), signal);
    faults.push(...found);
    steps.push({ index, kind: kindNames[step.kind] ?? String(step.kind), nodes: program.nodes[index] ?? [], elements, committedBytes: elements * dtypeBytes[step.result.dtype], ...examination });
  }
  const totals = sumUp(steps);
  const holds = totals.sound === totals.judged && totals.fraudCaught === totals.corrupted && totals.disagreements === 0 && totals.oversized === 0;
  return { steps, totals, faults, holds };
}

async function execute(loaded: LoadedProgram, { inputs, seed, signal }: AuditOptions): Promise<Trace> {
  if (inputs !== undefined) return loaded.execute(inputs, signal);
  for (const [attempt, range] of INDEX_RANGES.entries()) {
    try {
      return await loaded.execute(seededInputs(loaded.program, seed, range), signal);
    } catch (error) {
      if (!(error instanceof GainsayError) || error.code !== "INFERENCE_FAILED" || attempt === INDEX_RANGES.length - 1) throw error;
    }
  }
  throw new Error("unreachable: the last attempt returns or throws");
}

function sumUp(steps: readonly AuditedStep[]): AuditTotals {
  const sums = Object.fromEntries(counted.map((name) => [name, steps.reduce((sum, step) => sum + step[name], 0)])) as Record<(typeof counted)[number], number>;
  const worst = steps.reduce<AuditedStep | undefined>((found, step) => (found === undefined || step.gasMax > found.gasMax ? step : found), undefined);
  return {
    steps: steps.length,
    ...sums,
    gasMax: worst?.gasMax ?? 0,
    witnessBytesMax: Math.max(0, ...steps.map(({ witnessBytesMax }) => witnessBytesMax)),
    worstStep: worst?.index ?? 0,
    undisputable: steps.filter(({ corrupted, refused }) => corrupted === 0 && refused === 0).map(({ index }) => index),
  };
}
