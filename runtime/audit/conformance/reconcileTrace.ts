import { GainsayError } from "../../../protocol/errors.ts";
import { operandReader, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementsRead } from "../../../protocol/judge/taps.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { dtypes, sources, type Program, type Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { elementType, readElement, writeElement } from "../elementTypes.ts";

const float32 = elementType(dtypes.float32);
/** Verdicts that a search may take, one of 64 taps counting as two; vectors are small, and a search that needs more finds nothing any more. */
const BUDGET = 100_000;
/** Values tried around the present one, to each side. */
const REACH = 48;
/** A step with more taps than this, all elements together, is left as it is. */
const MAX_TAPS = 20_000;
const PASSES = 3;

/** An element of a tensor in between, and the elements of the step under search that read it. */
interface Knob {
  tensor: number;
  element: number;
  readers: number[];
}

interface OpenStep {
  step: Step;
  elements: number;
  /** Of one element. */
  taps: number;
  isFraud(element: number): boolean;
  frauds(): number[];
}

class OutOfBudget extends Error {}

/**
 * Published outputs come from an execution whose tensors in between are not published; those of another execution differ in their
 * last bits, and then the last step's rounding bound, narrow where it rounds once, does not reach. This looks for tensors in between
 * with which every step is sound: backwards through the steps, an element that is fraud has the elements in between that it reads
 * moved to the nearest values that make it sound, which the steps before must then explain in their turn.
 *
 * Returns the elements moved, by trace index, after changing `tensors.trace` in place; undefined, with nothing changed, if no such
 * execution was found. Finding one is a proof, since each step has been judged; not finding one is none.
 */
export function reconcileTrace(program: Program, tensors: ExecutionTensors): Map<number, number[]> | undefined {
  const fixed = new Set(program.header.outputs);
  const before = tensors.trace.map(({ bytes }) => new Uint8Array(bytes));
  const moved = new Map<number, Set<number>>();
  let budget = BUDGET;
  const bytesOf = (tensor: number): Uint8Array => (tensors.trace[tensor] as CommittedTensor).bytes;

  const open = (step: Step): OpenStep => {
    const elements = step.result.shape.reduce((product, size) => product * size, 1);
    const taps = step.reduce.reduce((product, size) => product * size, 1);
    const claimed = elementReader(bytesOf(step.result.index), step.result.dtype);
    const read = operandReader(step, tensors);
    const isFraud = (element: number): boolean => {
      budget -= 1 + taps / 64;
      if (budget < 0) throw new OutOfBudget();
      return judgeElement(step, read, element, claimed(element)).fraud;
    };
    return { step, elements, taps, isFraud, frauds: () => Array.from({ length: elements }, (_, element) => element).filter(isFraud) };
  };

  /** Moves what a step reads until all of its elements are sound; false if that does not succeed. */
  const settle = (opened: OpenStep): boolean => {
    const frauds = opened.frauds();
    if (frauds.length === 0) return true;
    if (opened.taps * opened.elements > MAX_TAPS) return false;
    const knobs = knobsOf(opened.step, opened.elements, fixed);
    for (const element of frauds) {
      if (!opened.isFraud(element)) continue;
      // Elements that nothing else reads first: moving them disturbs nothing.
      const candidates = (knobs.get(element) ?? []).sort((a, b) => a.readers.length - b.readers.length);
      if (!candidates.some((knob) => turn(knob, opened))) return false;
    }
    return opened.frauds().length === 0;
  };

  /** Moves one element to the nearest value with which most of its readers are sound; whether all of them are. */
  const turn = ({ tensor, element, readers }: Knob, { isFraud }: OpenStep): boolean => {
    const bytes = bytesOf(tensor);
    const present = readElement(dtypes.float32, bytes, element);
    const place = float32.order(present);
    if (place === undefined) return false;
    const wrong = (): number => readers.filter(isFraud).length;
    const start = wrong();
    let best = { bits: present, wrong: start };
    for (let distance = 1n; distance <= REACH && best.wrong > 0; distance++) {
      for (const next of [place + distance, place - distance]) {
        if (next < float32.least || next > float32.greatest) continue;
        writeElement(dtypes.float32, bytes, element, float32.at(next));
        const count = wrong();
        if (count < best.wrong) best = { bits: float32.at(next), wrong: count };
      }
    }
    writeElement(dtypes.float32, bytes, element, best.bits);
    if (best.wrong < start) moved.set(tensor, (moved.get(tensor) ?? new Set()).add(element));
    return best.wrong === 0;
  };

  const touched = ({ result, operands }: Step): boolean =>
    fixed.has(result.index) || moved.has(result.index) || operands.some(({ source, index }) => source === sources.trace && moved.has(index));

  try {
    for (let pass = 0; pass < PASSES; pass++) {
      if (!program.steps.toReversed().every((step) => !touched(step) || settle(open(step)))) break;
      // A tensor moved for one reader may have a later reader that was settled before.
      if (program.steps.every((step) => !touched(step) || open(step).frauds().length === 0)) return new Map([...moved].map(([tensor, elements]) => [tensor, [...elements]]));
    }
  } catch (error) {
    // A step that the judge does not decide at all is told when the contracts are asked.
    if (!(error instanceof OutOfBudget || error instanceof GainsayError)) throw error;
  }
  tensors.trace.forEach(({ bytes }, i) => bytes.set(before[i] as Uint8Array));
  return undefined;
}

/** For each element of a step's result, the elements of float tensors in between that it reads. */
function knobsOf(step: Step, elements: number, fixed: ReadonlySet<number>): Map<number, Knob[]> {
  const shared = new Map<string, Knob>();
  const knobs = new Map<number, Knob[]>();
  for (let element = 0; element < elements; element++) {
    const own = new Set<Knob>();
    elementsRead(step, element).forEach((runs, i) => {
      const { source, index, dtype } = step.operands[i] as Step["operands"][number];
      if (source !== sources.trace || dtype !== dtypes.float32 || fixed.has(index)) return;
      for (const { first, count } of runs) {
        for (let at = first; at < first + count; at++) {
          const key = `${index}:${at}`;
          const knob = shared.get(key) ?? { tensor: index, element: at, readers: [] };
          shared.set(key, knob);
          if (knob.readers.at(-1) !== element) knob.readers.push(element);
          own.add(knob);
        }
      }
    });
    knobs.set(element, [...own]);
  }
  return knobs;
}
