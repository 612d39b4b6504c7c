import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { findVectors } from "../../../runtime/audit/conformance/findVectors.ts";
import { runConformance, type Conformance } from "../../../runtime/audit/conformance/runConformance.ts";
import { createJudgeChain } from "../../../runtime/audit/createJudgeChain.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { action } from "../../action.ts";
import { table } from "../../output.ts";
import { integer } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

interface ConformanceFlags {
  only?: string;
  samples: number;
  seed: number;
}

/** How long ONNX Runtime may take for one thing, in milliseconds: vectors are small. */
const RUNTIME_TIMEOUT_MS = 60_000;

/** `gainsay conformance DIR` */
export function conformanceCommand(shell: Shell): Command {
  return new Command("conformance")
    .description("put the published outputs of ONNX's test vectors before the judge on a real EVM, as they are and falsified; exit code 3 if a verdict is wrong")
    .argument("<folder>", "vectors laid out as GROUP/TEST/model.onnx with test_data_set_*/, or a checkout of onnx/onnx")
    .option("--only <pattern>", "tests whose name contains this, or fits it as a whole if there is a * in it (default: all)")
    .option("--samples <number>", "elements judged of each step: the first, the last, and others at random", integer(1, 1_000_000), 8)
    .option("--seed <number>", "seed of the choice of elements", integer(0, 2 ** 32 - 1), 1)
    .action(
      action(shell, async (context, folder: string, flags: ConformanceFlags) => {
        const { logger, progress, signal, output } = context;
        const vectors = await findVectors(folder, flags.only);
        const runner = createFoldRunner({ timeoutMs: RUNTIME_TIMEOUT_MS });
        context.onClose(() => runner.close());
        const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled", timeoutMs: RUNTIME_TIMEOUT_MS }, { logger });
        context.onClose(() => inference.stop());
        const hasher = createHasher();
        context.onClose(() => hasher.stop());
        hasher.start();
        const chain = await createJudgeChain();
        context.onClose(() => chain.close());
        const onVector = (test: string, index: number, count: number): void => progress.update("judging", `${index + 1} of ${count}, ${test}`);
        const report = await runConformance(vectors, { samples: flags.samples, seed: flags.seed, signal, onVector }, { runner, inference, hasher, chain });
        progress.end();
        output.result(report, lines(report));
        if (report.totals.failed > 0) {
          throw new GainsayError(`The judge is wrong about ${report.totals.failed} of ${report.totals.passed + report.totals.failed} vectors.`, { code: "CONFORMANCE_FAILED", kind: "verification", details: { failures: report.failures } });
        }
      }),
    );
}

function lines({ totals, operators, failures }: Conformance): string[] {
  const rows = operators.map(({ operator, passed, failed, unsupported, reasons }) => [operator, String(passed), String(failed), String(unsupported), shortened(reasons.map(({ why, tests }) => (tests.length > 1 ? `${why} (${tests.length})` : why)))]);
  return [
    ...table(["operator", "passed", "failed", "unsupported", "reason"], rows),
    "",
    ...failures.map(({ test, why }) => `failed: ${test}: ${why}`),
    `${totals.passed} passed, ${totals.failed} failed, ${totals.unsupported} unsupported; ${totals.verdicts} verdicts`,
  ];
}

function shortened(reasons: readonly string[]): string {
  const [first = ""] = reasons;
  const text = first.length > 110 ? `${first.slice(0, 107)}…` : first;
  return reasons.length > 1 ? `${text}; and ${reasons.length - 1} other reasons` : text;
}
