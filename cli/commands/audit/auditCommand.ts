import { availableParallelism } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { auditProgram, type Audit } from "../../../runtime/audit/auditProgram.ts";
import { createJudgeChain } from "../../../runtime/audit/createJudgeChain.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { action } from "../../action.ts";
import type { Context } from "../../context.ts";
import { findModel } from "../../models.ts";
import { integer, repeated } from "../../parse.ts";
import { readInputs } from "../../readInputs.ts";
import { granularityFlag } from "../../granularityFlag.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";
import { auditLines } from "./auditLines.ts";

interface AuditFlags {
  shape?: [string, number[]][];
  granularity: Granularity;
  input?: string[];
  samples: number;
  seed: number;
}

/** `gainsay audit MODEL` */
export function auditCommand(shell: Shell): Command {
  return new Command("audit")
    .description("judge samples of every step of a model on a real EVM, honest and falsified, and show what each verdict costs; exit code 3 if a verdict is wrong or too dear")
    .argument("<model>", "ONNX file, which is compiled and not stored, folder of a bundle, or program root (or its first digits)")
    .addOption(shapeFlag())
    .addOption(granularityFlag())
    .option("--input <name=file>", "input to run: .npy, .pb, .json, .png or .jpg; may be repeated (default: numbers from the seed)", repeated((text) => text))
    .option("--samples <number>", "elements judged of each step: the first, the last, and others at random", integer(1, 1_000_000), 8)
    .option("--seed <number>", "seed of the inputs and of the choice of elements", integer(0, 2 ** 32 - 1), 1)
    .action(
      action(shell, async (context, model: string, flags: AuditFlags) => {
        const audit = await runAudit(context, model, flags);
        context.progress.end();
        context.output.result({ model, ...audit }, auditLines(audit));
        if (!audit.holds) throw failure(audit);
      }),
    );
}

async function runAudit(context: Context, model: string, flags: AuditFlags): Promise<Audit> {
  const { logger, progress, settings, signal, output } = context;
  const { bundle } = await findModel(context, model, { shapes: Object.fromEntries(flags.shape ?? []), granularity: flags.granularity, store: false });
  const inputs = flags.input === undefined ? undefined : await readInputs(bundle.program, flags.input, (text) => output.note(text));
  const inference = createInference({ provider: settings.executionProvider, threads: settings.threads === 0 ? availableParallelism() : settings.threads, optimization: "all" }, { logger });
  const hasher = createHasher();
  context.onClose(() => inference.stop());
  context.onClose(() => hasher.stop());
  hasher.start();
  progress.update(`running ${path.basename(model)}`);
  const chain = await createJudgeChain();
  context.onClose(() => chain.close());
  return auditProgram(
    prepareProgram(bundle, inference, hasher),
    {
      inputs,
      samples: flags.samples,
      seed: flags.seed,
      signal,
      onStep: (index, count) => progress.update("judging", `step ${index + 1} of ${count}`),
    },
    { chain },
  );
}

function failure({ totals, faults }: Audit): GainsayError {
  const parts = [
    [totals.falseFraud, "honest elements called fraud"],
    [totals.refused, "honest elements refused"],
    [totals.fraudMissed, "false elements called sound"],
    [totals.disagreements, "verdicts on which the contracts and the TypeScript judge differ"],
    [totals.oversized, "verdicts too large for one transaction"],
  ] as const;
  const found = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return new GainsayError(`The audit does not hold: ${found.join(", ")}; do not register the model.`, { code: "AUDIT_FAILED", kind: "verification", details: { faults } });
}
