import path from "node:path";
import { Command } from "commander";
import { action } from "../../action.ts";
import { describeProgram, tensorText } from "../../describeProgram.ts";
import { storeBundle } from "../../../runtime/bundle/storeBundle.ts";
import { compileFile } from "../../models.ts";
import { pairs } from "../../output.ts";
import { bytes, integer } from "../../parse.ts";
import { granularityFlag } from "../../granularityFlag.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay model compile FILE` */
export function compileCommand(shell: Shell): Command {
  return new Command("compile")
    .description("compile an ONNX file to a bundle; the same file and shapes give the same program root everywhere")
    .argument("<file>", "ONNX model")
    .addOption(shapeFlag())
    .addOption(granularityFlag())
    .option("--split-sums <terms>", "sum longer contractions of floats in committed parts of at most this many terms, which narrows what a verdict must allow (default: no limit)", integer(16, 4_194_303))
    .option("--out <folder>", "folder in which the bundle is put under its program root (default: bundles in the home)")
    .action(
      action(shell, async (context, file: string, options: { shape?: [string, number[]][]; granularity: Granularity; splitSums?: number; out?: string }) => {
        const bundle = await compileFile(context, file, { shapes: Object.fromEntries(options.shape ?? []), granularity: options.granularity, ...(options.splitSums === undefined ? {} : { splitSums: options.splitSums }) });
        const folder = await storeBundle(path.resolve(options.out ?? context.paths.bundles), bundle);
        const { root, inputs, outputs, totals } = describeProgram(bundle.program);
        context.output.result(
          { programRoot: root, folder, inputs, outputs, totals },
          pairs([
            ["program", root],
            ["bundle", folder],
            ...inputs.map((input) => ["input", tensorText(input)] as const),
            ...outputs.map((output) => ["output", tensorText(output)] as const),
            ["steps", String(totals.steps)],
            ["blocks", String(totals.blocks)],
            ["posted", bytes(totals.traceBytes)],
            ["inside", bytes(totals.innerBytes)],
            ["weights", bytes(totals.weightBytes)],
          ]),
        );
      }),
    );
}
