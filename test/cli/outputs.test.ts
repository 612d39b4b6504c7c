import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clocksOf, soundText } from "../../cli/describeDispute.ts";
import { describeOutput } from "../../cli/describeOutput.ts";
import { floatOfBits, floatText, shortestFloat } from "../../cli/floatText.ts";
import { createProgress } from "../../cli/progress.ts";
import { npy } from "../../cli/writeOutput.ts";
import { dtypes } from "../../protocol/program/types.ts";
import type { Dispute } from "../../runtime/chain/types.ts";
import type { DecodedOutput } from "../../runtime/inference/decodeOutput.ts";
import { parseNpy } from "../../runtime/inputs/parseNpy.ts";

const scores = (shape: number[], values: number[]): DecodedOutput => ({ name: "y", dtype: dtypes.float32, shape, data: Float32Array.from(values) });

describe("outputs", () => {
  it("labels scores by their largest element, first one first, and passes NaN over", () => {
    expect(describeOutput(scores([1, 4], [0, 2, NaN, 2]))).toMatchObject({ label: 1, top: [{ index: 1, value: 2 }, { index: 3, value: 2 }, { index: 0, value: 0 }], values: [0, 2, "NaN", 2] });
  });

  it("labels nothing but scores", () => {
    for (const shape of [[2, 2], [4, 1], [1, 2, 2]]) expect(describeOutput(scores(shape, [1, 2, 3, 4])).label).toBeNull();
    expect(describeOutput(scores([1, 2], [NaN, NaN])).label).toBeNull();
  });

  it("leaves the values out where there are too many to print", () => {
    expect(describeOutput(scores([101, 100], new Array<number>(10_100).fill(1))).values).toBeNull();
  });

  it("writes .npy files that are read back alike", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), (shape) => {
        const values = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i / 3);
        const read = parseNpy("y.npy", npy(scores(shape, values)));
        expect(read).toMatchObject({ dtype: "float32", shape });
        expect(Array.from(new Float32Array(new Uint8Array(read.bytes).buffer))).toEqual(values.map(Math.fround));
      }),
    );
  });

  it("shows each float32 by a decimal that rounds to it and to no other", () => {
    fc.assert(
      fc.property(fc.float({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(Object.is(Math.fround(shortestFloat(value)), value)).toBe(true);
        expect(String(shortestFloat(value)).length).toBeLessThanOrEqual(String(value).length);
      }),
    );
    expect(floatText(0x3dcccccd)).toBe("0.1");
    expect(floatText(0x80000000)).toBe("-0");
    expect(floatOfBits(0x7f800000)).toBe(Infinity);
  });
});

describe("disputes", () => {
  const dispute = { phase: "reveal", deadline: 1_000, challengerClock: 50, defenderClock: 60 } as Dispute;

  it("run the clock of the side to move and no other", () => {
    expect(clocksOf(dispute, 970)).toEqual({ toMove: "defender", challenger: 50, defender: 30 });
    expect(clocksOf(dispute, 2_000)).toEqual({ toMove: "defender", challenger: 50, defender: 0 });
    expect(clocksOf({ ...dispute, phase: "choose" }, 990)).toEqual({ toMove: "challenger", challenger: 10, defender: 60 });
    expect(clocksOf({ ...dispute, phase: "ended" }, 990)).toEqual({ toMove: null, challenger: 50, defender: 60 });
  });

  it("say what would have been sound", () => {
    const verdict = { fraud: true, claimed: 0, lo: 0x3f800000, hi: 0x40000000, nan: false };
    expect(soundText(verdict)).toBe("from 1 to 2");
    expect(soundText({ ...verdict, nan: true })).toBe("from 1 to 2, or NaN");
    expect(soundText({ ...verdict, lo: 0x7f800000, hi: 0xff800000, nan: true })).toBe("NaN");
  });
});

describe("progress", () => {
  it("is one changing line on a terminal, and a line for each change elsewhere", () => {
    const written = { terminal: "", file: "" };
    for (const [name, isTTY] of [["terminal", true], ["file", false]] as const) {
      const progress = createProgress({ isTTY, columns: 30, write: (text) => (written[name] += text) });
      progress.update("job 1: open", "9 s left");
      progress.update("job 1: open", "8 s left");
      progress.update("job 1: final");
      progress.end();
    }
    expect(written.file).toBe("job 1: open\njob 1: final\n");
    expect(written.terminal).toContain("(8 s left)");
    expect(written.terminal).not.toContain("\n");
    expect(written.terminal.endsWith("\r\x1b[K")).toBe(true);
  });
});
