import { GainsayError } from "../../../protocol/errors.ts";
import { operandReader, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement, type ElementVerdict } from "../../../protocol/judge/judgeElement.ts";
import { elementsRead, type ReadOperand } from "../../../protocol/judge/taps.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { dtypes, sources, type Program, type Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { elementType, readElement, writeElement } from "../elementTypes.ts";

const float32 = elementType(dtypes.float32);
/** Verdicts that a search may take, one of 64 taps counting as two; vectors are small, and a search that needs more finds nothing any more. */
const BUDGET = 300_000;
/** Values tried around the present one, to each side. */
const REACH = 48;
/** What a step with more taps than this, all elements together, reads is not searched. */
const MAX_TAPS = 20_000;
/** Elements in between that one element may read to be searched for. */
const MAX_KNOBS = 64;
const ROUNDS = 3;
const DEEP_REACH = 4n;
const FAR = 256;

/** An element of a tensor in between, and the elements of the step under search that read it. */
interface Knob {
  tensor: number;
  element: number;
  readers: number[];
}

interface OpenStep {
  step: Step;
  verdict(element: number): ElementVerdict;
  isFraud(element: number): boolean;
  frauds(): number[];
  /** By element of the result, what it reads in between. */
  knobs: Map<number, Knob[]>;
}

/** What many read is moved first where it is wrong for all of them, last where each differs for itself. */
interface Strategy {
  /** Starts from the middle of what each step allows, instead of from another execution's values. */
  derived: boolean;
  sharedFirst: boolean;
}

const strategies: readonly Strategy[] = [
  { derived: false, sharedFirst: false },
  { derived: false, sharedFirst: true },
  { derived: true, sharedFirst: true },
];

class OutOfBudget extends Error {}

/**
 * Published outputs come from an execution whose tensors in between are not published; those of another execution differ in their
 * last bits, and then the last step's rounding bound, narrow where it rounds once, does not reach. This looks for tensors in between
 * with which every step is sound, by turns: backwards through the steps, an element that is fraud has what it reads in between
 * moved to where it is sound; forwards, elements in between that their own step does not allow go to the nearest that it allows.
 *
 * Returns the elements moved, by trace index, after changing `tensors.trace` in place; undefined, with nothing changed, if no such
 * execution was found. Finding one is a proof, since each step has been judged; not finding one is none.
 */
export function reconcileTrace(program: Program, tensors: ExecutionTensors): Map<number, number[]> | undefined {
  // Without tensors in between there is nothing to look for.
  if (program.steps.every(({ result }) => program.header.outputs.includes(result.index))) return undefined;
  const before = tensors.trace.map(({ bytes }) => new Uint8Array(bytes));
  const restore = (): void => tensors.trace.forEach(({ bytes }, i) => bytes.set(before[i] as Uint8Array));
  for (const strategy of strategies) {
    try {
      const moved = search(program, tensors, strategy);
      if (moved !== undefined) return moved;
    } catch (error) {
      // A step that the judge does not decide at all is told when the contracts are asked.
      if (!(error instanceof OutOfBudget || error instanceof GainsayError)) throw error;
    }
    restore();
  }
  return undefined;
}

function search(program: Program, tensors: ExecutionTensors, { derived, sharedFirst }: Strategy): Map<number, number[]> | undefined {
  const fixed = new Set(program.header.outputs);
  const moved = new Map<number, Set<number>>();
  let budget = BUDGET;
  const bytesOf = (tensor: number): Uint8Array => (tensors.trace[tensor] as CommittedTensor).bytes;
  const move = (tensor: number, element: number): void => void moved.set(tensor, (moved.get(tensor) ?? new Set()).add(element));

  const opened = new Map<Step, OpenStep>();
  const open = (step: Step): OpenStep => {
    const known = opened.get(step);
    if (known !== undefined) return known;
    const elements = step.result.shape.reduce((product, size) => product * size, 1);
    const taps = step.reduce.reduce((product, size) => product * size, 1);
    const claimed = elementReader(bytesOf(step.result.index), step.result.dtype);
    const read = operandReader(step, tensors);
    const verdict = (element: number): ElementVerdict => {
      budget -= 1 + taps / 64;
      if (budget < 0) throw new OutOfBudget();
      return judgeElement(step, read, element, claimed(element));
    };
    const isFraud = (element: number): boolean => verdict(element).fraud;
    const fresh: OpenStep = { step, verdict, isFraud, frauds: () => Array.from({ length: elements }, (_, element) => element).filter(isFraud), knobs: taps * elements > MAX_TAPS ? new Map() : knobsOf(step, elements, fixed, read) };
    opened.set(step, fresh);
    return fresh;
  };

  /** Moves one element to where most of its readers are sound. */
  const turn = ({ tensor, element, readers }: Knob, { isFraud }: OpenStep): void => {
    const bytes = bytesOf(tensor);
    const present = readElement(dtypes.float32, bytes, element);
    const place = float32.order(present);
    if (place === undefined) return;
    const wrong = (): number => readers.filter(isFraud).length;
    const start = wrong();
    let least = start;
    let best: bigint[] = [];
    for (let distance = 1n; distance <= REACH; distance++) {
      for (const next of [place + distance, place - distance]) {
        if (next < float32.least || next > float32.greatest) continue;
        writeElement(dtypes.float32, bytes, element, float32.at(next));
        const count = wrong();
        if (count < least) best = [];
        if (count < start && count <= least) best.push(next);
        least = Math.min(least, count);
      }
      // One reader: the nearest value will do. Several: the middle of all that do as well leaves the most room.
      if (readers.length === 1 && least === 0) break;
    }
    const chosen = readers.length === 1 ? best[0] : best.sort((a, b) => Number(a - b))[best.length >> 1];
    writeElement(dtypes.float32, bytes, element, chosen === undefined ? present : float32.at(chosen));
    if (chosen !== undefined) move(tensor, element);
  };

  const backward = (step: OpenStep): void => {
    // The other readers of what is shared have their turn with it, too, so once is enough.
    const turned = new Set<Knob>();
    for (const element of step.frauds()) {
      if (!step.isFraud(element)) continue;
      const knobs = [...(step.knobs.get(element) ?? [])].sort((a, b) => (sharedFirst ? b.readers.length - a.readers.length : a.readers.length - b.readers.length));
      if (knobs.length > MAX_KNOBS) continue;
      for (const knob of knobs) {
        if (turned.has(knob)) continue;
        turned.add(knob);
        turn(knob, step);
        if (!step.isFraud(element)) break;
      }
    }
  };

  const forward = (step: OpenStep): void => {
    const { index, dtype } = step.step.result;
    if (fixed.has(index) || dtype !== dtypes.float32) return;
    for (const element of step.frauds()) {
      const ends = float32.enclosure(step.verdict(element));
      const place = float32.order(readElement(dtype, bytesOf(index), element));
      if (ends === undefined || ends.lo > ends.hi || place === undefined) continue;
      writeElement(dtype, bytesOf(index), element, float32.at(place < ends.lo ? ends.lo : ends.hi));
      move(index, element);
    }
  };

  /** Puts every element in between where its step's enclosure has its middle, and then tries what is shared around it. */
  const derive = (from: number): void => {
    for (const step of program.steps.slice(from)) {
      const { index, dtype } = step.result;
      if (fixed.has(index) || dtype !== dtypes.float32) continue;
      const { verdict } = open(step);
      const bytes = bytesOf(index);
      for (let element = 0; element * 4 < bytes.length; element++) {
        const ends = float32.enclosure(verdict(element));
        if (ends === undefined || ends.lo > ends.hi) continue;
        writeElement(dtype, bytes, element, float32.at((ends.lo + ends.hi) / 2n));
        move(index, element);
      }
    }
  };
  const outputs = program.steps.filter(({ result }) => fixed.has(result.index) && result.dtype === dtypes.float32);
  /** How many floats the outputs lie outside of their enclosures, all together; a far one counts as `FAR`. */
  const overshoot = (): number => {
    let sum = 0;
    for (const step of outputs) {
      const { verdict, frauds } = open(step);
      for (const element of frauds()) {
        const ends = float32.enclosure(verdict(element));
        const place = float32.order(readElement(dtypes.float32, bytesOf(step.result.index), element));
        sum += ends === undefined || place === undefined || ends.lo > ends.hi ? FAR : Math.min(FAR, Number(place < ends.lo ? ends.lo - place : place - ends.hi));
      }
    }
    return sum;
  };
  /** Moves each shared element by a few floats, derives what follows from it, and keeps what brings the outputs closest. */
  const deepen = (): void => {
    for (const [at, step] of program.steps.entries()) {
      const { index, dtype } = step.result;
      const bytes = bytesOf(index);
      const next = program.steps.filter(({ operands }) => operands.some((operand) => operand.source === sources.trace && operand.index === index));
      if (fixed.has(index) || dtype !== dtypes.float32 || !next.some(({ result }) => bytesOf(result.index).length > bytes.length)) continue;
      for (let element = 0; element * 4 < bytes.length; element++) {
        let least = overshoot();
        if (least === 0) return;
        const place = float32.order(readElement(dtype, bytes, element));
        if (place === undefined) continue;
        let best = place;
        for (let distance = -DEEP_REACH; distance <= DEEP_REACH; distance++) {
          writeElement(dtype, bytes, element, float32.at(place + distance));
          derive(at + 1);
          const count = overshoot();
          if (count < least) [least, best] = [count, place + distance];
        }
        writeElement(dtype, bytes, element, float32.at(best));
        derive(at + 1);
      }
    }
  };

  const touched = ({ result, operands }: Step): boolean =>
    fixed.has(result.index) || moved.has(result.index) || operands.some(({ source, index }) => source === sources.trace && moved.has(index));
  const isSound = (): boolean => program.steps.every((step) => !touched(step) || open(step).frauds().length === 0);

  if (derived && !isSound()) {
    derive(0);
    deepen();
  }
  for (let round = 0; round < ROUNDS && !isSound(); round++) {
    for (const step of program.steps.toReversed()) if (touched(step)) backward(open(step));
    if (isSound()) break;
    for (const step of program.steps) if (touched(step)) forward(open(step));
  }
  return isSound() ? new Map([...moved].map(([tensor, elements]) => [tensor, [...elements]])) : undefined;
}

/** For each element of a step's result, the elements of float tensors in between that it reads. */
function knobsOf(step: Step, elements: number, fixed: ReadonlySet<number>, read: ReadOperand): Map<number, Knob[]> {
  const shared = new Map<string, Knob>();
  const knobs = new Map<number, Knob[]>();
  for (let element = 0; element < elements; element++) {
    const own = new Set<Knob>();
    elementsRead(step, element, read).forEach((runs, i) => {
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
