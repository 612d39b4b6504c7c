import { operandReader } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { chooseElements, createRandom } from "../../../runtime/audit/random.ts";
import type { OpenTrace } from "../openTrace.ts";

/** For each bit of a float32, 0 the lowest of the mantissa, 23–30 the exponent, 31 the sign: flips tried and caught. */
export interface BitReport {
  step: number;
  tried: number[];
  caught: number[];
}

/**
 * Flips each bit of `samples` elements of every step's result, one at a time, and judges that element alone. Zeros are left out:
 * a flipped mantissa bit makes a subnormal of them.
 */
export function flipBits(traces: readonly OpenTrace[], samples: number, seed: number): BitReport[] {
  const random = createRandom(seed);
  const { program } = traces[0] as OpenTrace;
  return program.steps.map((step, index) => {
    const report: BitReport = { step: index, tried: new Array<number>(32).fill(0), caught: new Array<number>(32).fill(0) };
    const elements = step.result.shape.reduce((product, size) => product * size, 1);
    for (const trace of traces) {
      const claimedAt = elementReader((trace.trace[step.result.index] as CommittedTensor).bytes, step.result.dtype);
      const read = operandReader(step, trace);
      for (const element of chooseElements(elements, samples, random)) {
        const honest = Number(claimedAt(element));
        if ((honest & 0x7fffffff) === 0) continue;
        for (let bit = 0; bit < 32; bit++) {
          report.tried[bit]!++;
          if (judgeElement(step, read, element, (honest ^ (1 << bit)) >>> 0).fraud) report.caught[bit]!++;
        }
      }
    }
    return report;
  });
}
