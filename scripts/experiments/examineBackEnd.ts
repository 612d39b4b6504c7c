import { stepKinds, type Step } from "../../protocol/program/types.ts";
import { GainsayError } from "../../protocol/errors.ts";
import type { BackEnd } from "./backEnds.ts";
import { addReport, emptyReport, examineStep, type Alarm, type Limits, type StepReport } from "./examineStep.ts";
import { openTrace } from "./openTrace.ts";
import { recordTraces } from "./recordTraces.ts";
import type { Compiled } from "./subjects.ts";

/** What is kept between the back ends of one model. */
export interface Known {
  /** Reports by fingerprint: identical tensors are judged once and counted for each back end. */
  verdicts: Map<string, StepReport>;
  /** Traces of the first back end, to which the others are compared. */
  reference: Uint8Array[][] | undefined;
}

export interface NamedAlarm extends Alarm {
  input: string;
  step: number;
  nodes: string[];
  /** How many elements of this step the judge called fraud. */
  count: number;
}

/** All that one back end did with one model. */
export interface Examination {
  model: string;
  backEnd: string;
  family: string;
  kinds: Record<string, StepReport>;
  looked: number;
  /** Elements of the trace whose bytes are not those of the reference. */
  differing: number;
  largest: number;
  fraud: number;
  /** Whether this back end is known to compute this model wrongly. */
  named: boolean;
  alarms: NamedAlarm[];
  /** Steps that the judge refuses to decide, and the code of its refusal. */
  unjudged: { step: number; kind: string; code: string }[];
  /** Why there is no trace. */
  failure?: string;
}

/** Elements of a trace from which on a model is large. */
const LARGE = 500_000;

/** Runs a model's inputs on a back end and looks at every step of every trace. */
export async function examineBackEnd({ subject, bundle, given: all }: Compiled, backEnd: BackEnd, known: Known, limits: Limits): Promise<Examination> {
  const large = bundle.program.trace.reduce((total, { shape }) => total + elementsOf(shape), 0) > LARGE;
  const given = large && backEnd.slow === true ? all.slice(0, 1) : all;
  const result: Examination = { model: subject.name, backEnd: backEnd.name, family: backEnd.family, kinds: {}, looked: 0, differing: 0, largest: 0, fraud: 0, named: subject.knownFaults?.includes(backEnd.family) === true, alarms: [], unjudged: [] };
  let traces: Uint8Array[][];
  try {
    traces = await recordTraces(bundle, given.map(({ inputs }) => inputs), backEnd);
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    return { ...result, failure: error.message };
  }
  known.reference ??= traces;
  for (const [r, { label, inputs }] of given.entries()) {
    const tensors = traces[r] as Uint8Array[];
    const open = openTrace(bundle, inputs, tensors);
    tensors.forEach((bytes, i) => (result.differing += differences(bytes, known.reference?.[r]?.[i] as Uint8Array, bytes.length / elementsOf(bundle.program.trace[i]!.shape))));
    for (const [index, step] of bundle.program.steps.entries()) {
      const print = `${label} ${open.fingerprint(index)}`;
      let report = known.verdicts.get(print);
      if (report === undefined) {
        try {
          known.verdicts.set(print, (report = examineStep(step, open, limits)));
        } catch (error) {
          if (!(error instanceof GainsayError)) throw error;
          if (r === 0) result.unjudged.push({ step: index, kind: kindName(step), code: error.code });
          continue;
        }
      }
      addReport((result.kinds[kindName(step)] ??= emptyReport()), report);
      result.looked += report.looked;
      result.largest = Math.max(result.largest, report.largest);
      result.fraud += report.fraud;
      if (report.worst !== undefined) result.alarms.push({ ...report.worst, input: label, step: index, nodes: bundle.program.nodes[index] ?? [], count: report.fraud });
    }
  }
  return result;
}

const kindNames = Object.fromEntries(Object.entries(stepKinds).map(([name, number]) => [number, name]));

/** The kind of a step in words, with the type of its result where that is not float32. */
export function kindName({ kind, result }: Step): string {
  return `${kindNames[kind] ?? `kind ${kind}`}${result.dtype === 1 ? "" : " (integer)"}`;
}

function differences(left: Uint8Array, right: Uint8Array, size: number): number {
  let differing = 0;
  for (let at = 0; at < left.length; at += size) {
    for (let k = 0; k < size; k++) {
      if (left[at + k] !== right[at + k]) {
        differing++;
        break;
      }
    }
  }
  return differing;
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
