import { existsSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { freezeParameters } from "../../support/compileForTest.ts";
import { onnxVectors, sharedFolder } from "../../support/onnxVectors.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const present = existsSync(`${sharedFolder}/onnx-vectors`);
const runner = createFoldRunner();
afterAll(() => runner.close());

describe("ONNX conformance vectors", () => {
  it.skipIf(!present)(`compile and compute what ONNX Runtime computes${present ? "" : " (skipped: no shared/onnx-vectors beside the checkout)"}`, async () => {
    const wrong: string[] = [];
    let compiled = 0;
    let elements = 0;
    const refused: Record<string, number> = {};
    for (const vector of onnxVectors()) {
      try {
        const { modelBytes, inputs } = freezeParameters(vector.model, vector.inputs);
        const bundle = await compileModel({ modelBytes }, { runner });
        const report = await verifyBundle(bundle, modelBytes, Object.fromEntries(bundle.program.inputs.map(({ name }, k) => [name, inputs[k]!])));
        compiled++;
        elements += report.elements;
        if (report.stepError > 1e-4 || report.checkError > 1e-5 || report.outputError > 1e-4 || report.convicted > 0 || report.missed > 0) wrong.push(`${vector.name} ${JSON.stringify(report)}`);
      } catch (error) {
        if (!(error instanceof GainsayError)) wrong.push(`${vector.name}: ${String(error)}`);
        else refused[error.code] = (refused[error.code] ?? 0) + 1;
      }
    }
    console.info(`${compiled} vectors compiled, ${elements} elements compared; refused: ${JSON.stringify(refused)}`);
    expect(wrong).toEqual([]);
    expect(compiled).toBeGreaterThan(140);
  }, 120_000);
});
