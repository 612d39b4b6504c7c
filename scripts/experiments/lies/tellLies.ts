import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import type { BackEnd } from "../backEnds.ts";
import { floatsOf, openTrace } from "../openTrace.ts";
import { recordTraces } from "../recordTraces.ts";
import { convict } from "./convict.ts";
import type { Lie } from "./listLies.ts";

/** What became of one lie over all inputs. */
export interface LieReport {
  name: string;
  inputs: number;
  caught: number;
  /** How often each step was the first that convicts. */
  firstSteps: Record<number, number>;
  /** Traces that the lie leaves bit for bit as the honest executor's. */
  unchanged: number;
  /** Inputs for which the largest logit is another than in the honest trace. */
  flips: number;
  failure?: string;
}

/**
 * Tells each lie about every input and asks the judge. A false model is run without graph rewriting, so that roundings put into
 * the graph stay there; the honest traces should come from the same back end.
 */
export async function tellLies(bundle: Bundle, inputs: readonly (readonly Uint8Array[])[], honest: readonly Uint8Array[][], backEnd: BackEnd, lies: readonly Lie[], progress: (report: LieReport) => void = () => undefined): Promise<LieReport[]> {
  const reports: LieReport[] = [];
  for (const lie of lies) {
    const report: LieReport = { name: lie.name, inputs: inputs.length, caught: 0, firstSteps: {}, unchanged: 0, flips: 0 };
    try {
      const traces = await tracesOf(bundle, lie, inputs, honest, backEnd);
      traces.forEach((trace, i) => judgeTrace(bundle, inputs[i] as Uint8Array[], trace, honest[i] as Uint8Array[], report));
    } catch (error) {
      if (!(error instanceof GainsayError)) throw error;
      report.failure = error.message;
    }
    progress(report);
    reports.push(report);
  }
  return reports;
}

async function tracesOf({ program, model }: Bundle, lie: Lie, inputs: readonly (readonly Uint8Array[])[], honest: readonly Uint8Array[][], backEnd: BackEnd): Promise<Uint8Array[][]> {
  if (lie.model !== undefined) return recordTraces({ program, model: lie.model(model) }, inputs, backEnd);
  return honest.map((own, i) => lie.trace?.(own, honest[(i + 1) % honest.length] as Uint8Array[]) ?? own);
}

function judgeTrace(bundle: Bundle, inputs: readonly Uint8Array[], trace: readonly Uint8Array[], honest: readonly Uint8Array[], report: LieReport): void {
  if (trace.every((bytes, i) => Buffer.compare(bytes, honest[i] as Uint8Array) === 0)) report.unchanged++;
  const answer = bundle.program.header.outputs[0] as number;
  if (top(trace[answer] as Uint8Array) !== top(honest[answer] as Uint8Array)) report.flips++;
  const found = convict(openTrace(bundle, inputs, trace));
  if (found === undefined) return;
  report.caught++;
  report.firstSteps[found.step] = (report.firstSteps[found.step] ?? 0) + 1;
}

/** Index of the largest logit. */
export function top(bytes: Uint8Array): number {
  const values = floatsOf(bytes);
  return values.indexOf(Math.max(...values));
}
