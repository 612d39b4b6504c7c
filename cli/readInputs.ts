import { GainsayError } from "../protocol/errors.ts";
import type { Program } from "../protocol/program/types.ts";
import { parseInputFlag } from "../runtime/inputs/parseInputFlag.ts";
import { readInput } from "../runtime/inputs/readInput.ts";

/**
 * Reads the inputs of a program from the flags `NAME=FILE`, in the program's order; with one input the name may be left out.
 * Throws `INPUT_FLAG` for names that are missing, unknown or given twice, and what reading a file throws.
 */
export async function readInputs(program: Program, flags: readonly string[], note: (text: string) => void): Promise<Uint8Array[]> {
  const names = program.inputs.map(({ name }) => name);
  const files = new Map<string, string>();
  for (const flag of flags) {
    const parsed = parseInputFlag(flag);
    const name = parsed.name ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined || !names.includes(name)) throw wrong(name === undefined ? `Say which input ${JSON.stringify(flag)} is for: NAME=FILE` : `The model has no input ${JSON.stringify(name)}`, names);
    if (files.has(name)) throw wrong(`The input ${JSON.stringify(name)} is given twice`, names);
    files.set(name, parsed.file);
  }
  const missing = names.filter((name) => !files.has(name));
  if (missing.length > 0) throw wrong(`No file is given for ${missing.map((name) => JSON.stringify(name)).join(", ")}; use --input NAME=FILE`, names);
  const inputs: Uint8Array[] = [];
  for (const spec of program.inputs) {
    const { bytes, notes } = await readInput(spec, files.get(spec.name) as string);
    for (const text of notes) note(`${spec.name}: ${text}`);
    inputs.push(bytes);
  }
  return inputs;
}

function wrong(what: string, names: readonly string[]): GainsayError {
  return new GainsayError(`${what}; the model's inputs are ${names.map((name) => JSON.stringify(name)).join(", ")}.`, { code: "INPUT_FLAG", kind: "usage", details: { inputs: names } });
}
