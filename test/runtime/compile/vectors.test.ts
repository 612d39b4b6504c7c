import { existsSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { profiles } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { frozenVectors, type FrozenVector } from "../../support/compileForTest.ts";
import { onnxVectors, sharedFolder, type OnnxVector } from "../../support/onnxVectors.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const present = existsSync(`${sharedFolder}/onnx-vectors`);
const runner = createFoldRunner();
afterAll(() => runner.close());

/** Compiles a vector with as few of its inputs frozen as it takes. */
async function compileVector(vector: OnnxVector): Promise<FrozenVector & { bundle: Bundle }> {
  let failure: unknown;
  for (const frozen of frozenVectors(vector.model, vector.inputs)) {
    try {
      return { ...frozen, bundle: await compileModel({ modelBytes: frozen.modelBytes, shapes: frozen.shapes }, { runner }) };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** Sampled places that lie in the middle between two pixels: which of them is nearer, and whether it is inside, rounding decides. */
const undecided = /^test_gridsample_(nearest|reflection|volumetric_nearest)/;

describe("ONNX conformance vectors", () => {
  it.skipIf(!present)(`compile and compute what ONNX Runtime computes${present ? "" : " (skipped: no shared/onnx-vectors beside the checkout)"}`, async () => {
    const wrong: string[] = [];
    let compiled = 0;
    let halves = 0;
    let elements = 0;
    const refused: Record<string, number> = {};
    for (const vector of onnxVectors()) {
      try {
        const { bundle, modelBytes, inputs } = await compileVector(vector);
        // Their roundings are beyond these tolerances; the conformance command and halves.test.ts judge them.
        if (bundle.program.steps.some(({ profile }) => profile === profiles.halfStorage)) {
          halves++;
          continue;
        }
        const report = await verifyBundle(bundle, modelBytes, inputs);
        compiled++;
        elements += report.elements;
        if (report.stepError > 1e-4 || report.checkError > 1e-5 || report.outputError > 1e-4 || report.convicted > 0 || (report.missed > 0 && !undecided.test(vector.name)) || report.unjudged.length > 0) wrong.push(`${vector.name} ${JSON.stringify(report)}`);
      } catch (error) {
        if (!(error instanceof GainsayError)) wrong.push(`${vector.name}: ${String(error)}`);
        else refused[error.code] = (refused[error.code] ?? 0) + 1;
      }
    }
    console.info(`${compiled} vectors compiled, ${halves} more have half floats; ${elements} elements compared; refused: ${JSON.stringify(refused)}`);
    expect(wrong).toEqual([]);
    expect(compiled).toBeGreaterThan(820);
    expect(halves).toBeGreaterThan(10);
  }, 120_000);
});
