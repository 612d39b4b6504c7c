import { GainsayError } from "../../protocol/errors.ts";
import { resultOf } from "../../protocol/dispute/stepOperands.ts";
import { floatOf } from "../../protocol/judge/float32.ts";
import { judge } from "../../protocol/judge/judge.ts";
import { dtypeBytes, type Step, type Verdict } from "../../protocol/program/types.ts";
import { corruptionsOf, type CorruptionName } from "./corruptions.ts";
import type { JudgeChain, JudgedOnChain } from "./createJudgeChain.ts";
import { elementType, readElement } from "./elementTypes.ts";
import type { Case, OpenExecution } from "./openExecution.ts";
import { BLOCK_CALLDATA_CAP, POOL_CALLDATA_CAP, TRANSACTION_GAS_CAP } from "./transactionGas.ts";

/** Something that the judge got wrong, or on which its two twins differ. */
export interface Fault {
  step: number;
  element: number;
  kind: "falseFraud" | "fraudMissed" | "disagreement" | "refused";
  /** How the element was falsified; undefined for the honest one. */
  corruption: CorruptionName | undefined;
  /** One sentence with the value and the bounds. */
  why: string;
}

/** What the judge said about samples of one step. */
export interface StepExamination {
  /** Honest elements judged, and how many of them were sound or fraud. */
  judged: number;
  sound: number;
  falseFraud: number;
  /** False elements judged, and how many of them were fraud or sound. */
  corrupted: number;
  fraudCaught: number;
  fraudMissed: number;
  /** Verdicts on which the contracts and the TypeScript judge differ, in outcome or bounds. */
  disagreements: number;
  /** Witnesses of honest elements that the judge refused as malformed. */
  refused: number;
  gasMin: number;
  gasMax: number;
  /** Calldata of a verdict, in bytes. */
  witnessBytesMin: number;
  witnessBytesMax: number;
  /** Half the width of what is sound in units of `scale`, the largest of all samples; null if there is none or the type has no ends. */
  bound: number | null;
  /** Largest finite magnitude in the result. */
  scale: number;
  /** Verdicts that do not fit one transaction: too much gas (EIP-7825) or calldata for a block (EIP-7934). */
  oversized: number;
  /** Verdicts whose transaction most nodes do not pass on, because it is too large for their pool. */
  beyondPool: number;
  faults: Fault[];
}

/** Verdicts that may be under way at once: enough that the EVM never waits for a witness. */
const IN_FLIGHT = 4;
const KEPT_FAULTS = 16;

/**
 * Puts elements of one step before the contracts and before the TypeScript judge: as they are, and with each of several false values
 * beyond what is sound.
 */
export async function examineStep(execution: OpenExecution, chain: JudgeChain, stepIndex: number, elements: readonly number[], signal?: AbortSignal): Promise<StepExamination> {
  const step = execution.program.steps[stepIndex] as Step;
  const { bytes } = resultOf(step, execution.tensors);
  const { dtype } = step.result;
  const count = bytes.length / dtypeBytes[dtype];
  const type = elementType(dtype);
  const result = emptyExamination(scaleOf(step, bytes));
  const pending: Promise<void>[] = [];

  const fault = (kind: Fault["kind"], element: number, corruption: CorruptionName | undefined, why: string): void => {
    if (result.faults.length < KEPT_FAULTS) result.faults.push({ step: stepIndex, element, kind, corruption, why });
  };
  const describe = (verdict: Verdict, bits: bigint): string => {
    const ends = type.enclosure(verdict);
    const sound = ends === undefined ? `[${floatOf(Number(verdict.lo))}, ${floatOf(Number(verdict.hi))}]` : `[${type.value(type.at(ends.lo))}, ${type.value(type.at(ends.hi))}]`;
    return `${type.value(bits)} against ${sound}${verdict.nan ? " or NaN" : ""}`;
  };
  const submit = async (tried: Case, element: number, bits: bigint, corruption: CorruptionName | undefined, expected: Verdict): Promise<void> => {
    if (pending.length >= IN_FLIGHT) await pending.shift();
    pending.push(
      chain.judge(tried.claim, tried.witness).then(
        (answer) => {
          measure(result, answer);
          const { verdict } = answer;
          if (corruption === undefined) {
            verdict.fraud ? result.falseFraud++ : result.sound++;
            if (verdict.fraud) fault("falseFraud", element, corruption, `the honest ${describe(verdict, bits)} is fraud`);
          } else {
            verdict.fraud ? result.fraudCaught++ : result.fraudMissed++;
            if (!verdict.fraud) fault("fraudMissed", element, corruption, `the false ${describe(verdict, bits)} is sound`);
          }
          if (!sameVerdict(verdict, expected)) {
            result.disagreements++;
            fault("disagreement", element, corruption, `the contracts say ${describe(verdict, bits)}, ${verdict.fraud ? "fraud" : "sound"}; the TypeScript judge ${describe(expected, bits)}, ${expected.fraud ? "fraud" : "sound"}`);
          }
        },
        (error: unknown) => {
          if (!(error instanceof GainsayError) || error.code !== "CONTRACT_REVERTED") throw error;
          result.disagreements++;
          fault("disagreement", element, corruption, `the contracts refuse the witness (${String(error.details["name"] ?? "no reason")}), the TypeScript judge does not`);
        },
      ),
    );
    // A rejection is thrown where the promise is awaited; until then it must not count as unhandled.
    pending.at(-1)?.catch(() => undefined);
  };

  for (const element of elements) {
    signal?.throwIfAborted();
    // The contracts answer on other threads; their answers need turns of the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const bits = readElement(dtype, bytes, element);
    let honest: Case;
    let verdict: Verdict;
    try {
      honest = execution.honest(stepIndex, element);
      verdict = judge(honest.claim, honest.witness);
    } catch (error) {
      if (!(error instanceof GainsayError)) throw error;
      result.judged++;
      result.refused++;
      fault("refused", element, undefined, `the judge refuses the witness: ${error.message} [${error.code}]`);
      continue;
    }
    result.judged++;
    const ends = type.enclosure(verdict);
    if (ends !== undefined && ends.lo <= ends.hi) {
      const half = (type.value(type.at(ends.hi)) - type.value(type.at(ends.lo))) / 2;
      if (half > 0 && result.scale > 0) result.bound = Math.max(result.bound ?? 0, half / result.scale);
    }
    await submit(honest, element, bits, undefined, verdict);
    const neighbour = count === 1 ? undefined : readElement(dtype, bytes, element + 1 < count ? element + 1 : element - 1);
    const verdictOn = (candidate: bigint): Verdict => {
      const forged = execution.forged(honest, stepIndex, candidate);
      return judge(forged.claim, forged.witness);
    };
    for (const corruption of corruptionsOf({ dtype, bits, neighbour, verdict, isFraud: (candidate) => verdictOn(candidate).fraud })) {
      result.corrupted++;
      await submit(execution.forged(honest, stepIndex, corruption.bits), element, corruption.bits, corruption.name, verdictOn(corruption.bits));
    }
  }
  await Promise.all(pending);
  return result;
}

function emptyExamination(scale: number): StepExamination {
  const counts = { judged: 0, sound: 0, falseFraud: 0, corrupted: 0, fraudCaught: 0, fraudMissed: 0, disagreements: 0, refused: 0, oversized: 0, beyondPool: 0 };
  return { ...counts, gasMin: 0, gasMax: 0, witnessBytesMin: 0, witnessBytesMax: 0, bound: null, scale, faults: [] };
}

function measure(result: StepExamination, { gas, calldataBytes }: JudgedOnChain): void {
  result.gasMin = result.gasMin === 0 ? gas : Math.min(result.gasMin, gas);
  result.gasMax = Math.max(result.gasMax, gas);
  result.witnessBytesMin = result.witnessBytesMin === 0 ? calldataBytes : Math.min(result.witnessBytesMin, calldataBytes);
  result.witnessBytesMax = Math.max(result.witnessBytesMax, calldataBytes);
  if (gas > TRANSACTION_GAS_CAP || calldataBytes > BLOCK_CALLDATA_CAP) result.oversized++;
  if (calldataBytes > POOL_CALLDATA_CAP) result.beyondPool++;
}

/** The same words: outcome, claimed bits, ends and NaN. */
function sameVerdict(a: Verdict, b: Verdict): boolean {
  return a.fraud === b.fraud && a.nan === b.nan && String(a.claimed) === String(b.claimed) && String(a.lo) === String(b.lo) && String(a.hi) === String(b.hi);
}

function scaleOf(step: Step, bytes: Uint8Array): number {
  const { dtype } = step.result;
  const type = elementType(dtype);
  let scale = 0;
  for (let i = 0; i * dtypeBytes[dtype] < bytes.length; i++) {
    const magnitude = Math.abs(type.value(readElement(dtype, bytes, i)));
    if (Number.isFinite(magnitude) && magnitude > scale) scale = magnitude;
  }
  return scale;
}
