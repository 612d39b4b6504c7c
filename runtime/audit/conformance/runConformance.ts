import { readFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../../protocol/errors.ts";
import type { VectorFolder } from "./findVectors.ts";
import { operatorsOf, readVector } from "./readVector.ts";
import { runVector, type VectorDependencies, type VectorOptions } from "./runVector.ts";
import { Unsupported } from "./unsupported.ts";

export interface ConformanceOptions extends VectorOptions {
  /** Is told before each vector. */
  onVector?: (test: string, index: number, count: number) => void;
}

export interface OperatorTally {
  operator: string;
  passed: number;
  failed: number;
  unsupported: number;
  /** Why vectors are unsupported, each reason once, with the tests. */
  reasons: { why: string; tests: string[] }[];
}

export interface Conformance {
  totals: { passed: number; failed: number; unsupported: number; verdicts: number };
  operators: OperatorTally[];
  failures: { test: string; why: string }[];
}

/** Runs vectors one after the other. Throws the signal's reason. */
export async function runConformance(vectors: readonly VectorFolder[], options: ConformanceOptions, dependencies: VectorDependencies): Promise<Conformance> {
  const totals: Conformance["totals"] = { passed: 0, failed: 0, unsupported: 0, verdicts: 0 };
  const failures: Conformance["failures"] = [];
  const tallies = new Map<string, OperatorTally>();
  for (const [index, vector] of vectors.entries()) {
    options.signal?.throwIfAborted();
    options.onVector?.(vector.test, index, vectors.length);
    const { operator, outcome, why, verdicts } = await run(vector, options, dependencies);
    totals.verdicts += verdicts;
    totals[outcome]++;
    const tally = tallies.get(operator) ?? { operator, passed: 0, failed: 0, unsupported: 0, reasons: [] };
    tallies.set(operator, tally);
    tally[outcome]++;
    if (outcome === "failed") failures.push({ test: vector.test, why });
    if (outcome === "unsupported") {
      const reason = tally.reasons.find((known) => known.why === why);
      if (reason === undefined) tally.reasons.push({ why, tests: [vector.test] });
      else reason.tests.push(vector.test);
    }
  }
  return { totals, operators: [...tallies.values()].sort((a, b) => (a.operator < b.operator ? -1 : 1)), failures };
}

interface Outcome {
  operator: string;
  outcome: "passed" | "failed" | "unsupported";
  why: string;
  verdicts: number;
}

async function run({ model, dataSets }: VectorFolder, options: VectorOptions, dependencies: VectorDependencies): Promise<Outcome> {
  let operator = "(unreadable)";
  try {
    const modelBytes = new Uint8Array(await readFile(model));
    operator = await operatorName(model, modelBytes);
    const { wrong, verdicts } = await runVector(await readVector(modelBytes, dataSets), options, dependencies);
    return { operator, outcome: wrong.length === 0 ? "passed" : "failed", why: wrong.slice(0, 3).join("; ") + (wrong.length > 3 ? `; and ${wrong.length - 3} more` : ""), verdicts };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof Unsupported) return { operator, outcome: "unsupported", why: error.message, verdicts: 0 };
    if (error instanceof GainsayError && /^MODEL_/.test(error.code)) return { operator, outcome: "unsupported", why: `${error.message} [${error.code}]`, verdicts: 0 };
    return { operator, outcome: "failed", why: error instanceof Error ? `${error.message}${error instanceof GainsayError ? ` [${error.code}]` : ""}` : String(error), verdicts: 0 };
  }
}

/**
 * What a vector counts for: its one operator; for an operator written out as several (`TEST_expanded…`) that of `TEST`, which
 * stands beside it; else the operators of its graph.
 */
async function operatorName(model: string, modelBytes: Uint8Array): Promise<string> {
  const own = operatorsOf(modelBytes);
  if (own.length === 1) return own[0] as string;
  const folder = path.dirname(model);
  const plain = path.join(path.dirname(folder), path.basename(folder).replace(/_expanded.*$/, ""), "model.onnx");
  if (plain !== model) {
    const whole = await readFile(plain).then((bytes) => operatorsOf(new Uint8Array(bytes))).catch(() => []);
    if (whole.length === 1) return whole[0] as string;
  }
  const distinct = [...new Set(own)].sort();
  return distinct.length <= 3 ? distinct.join(" + ") || "(no nodes)" : `${distinct.slice(0, 3).join(" + ")} + …`;
}
