import type { z } from "zod";
import { fromHex, toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { programSchema } from "./programSchema.ts";

/** `program.json` of a program: the same program gives the same text. */
export function programToJson(program: Program): string {
  const { root: programRoot, header, steps, blocks, inputs, outputs, trace, inner, weights, nodes } = program;
  const plain = {
    root: programRoot,
    header,
    steps: steps.map((item) => ({ ...item, expression: toHex(item.expression), attributes: toHex(item.attributes) })),
    blocks,
    inputs,
    outputs,
    trace,
    ...(inner.length === 0 ? {} : { inner }),
    weights,
    nodes,
  };
  return `${JSON.stringify(plain)}\n`;
}

/** The program of a `program.json` that has been found sound before: what `programSchema` makes of it, without looking at what it is. */
export function soundProgram(json: unknown): Program {
  const { steps, inner = [], ...rest } = json as z.input<typeof programSchema>;
  return { ...rest, steps: steps.map((step) => ({ ...step, expression: fromHex(step.expression), attributes: fromHex(step.attributes) })), inner } as Program;
}
