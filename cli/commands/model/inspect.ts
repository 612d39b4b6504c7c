import { Command } from "commander";
import { action } from "../../action.ts";
import { describeProgram, operandText, tensorText } from "../../describeProgram.ts";
import { findModel } from "../../models.ts";
import { pairs, table } from "../../output.ts";
import { bytes } from "../../parse.ts";
import { granularityFlag } from "../../granularityFlag.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay model inspect BUNDLE|ROOT|FILE.onnx` */
export function inspectCommand(shell: Shell): Command {
  return new Command("inspect")
    .description("show the steps of a program: what is committed and judged, and how much of it there is")
    .argument("<model>", "folder of a bundle, program root (or its first digits), or ONNX file, which is compiled and not stored")
    .addOption(shapeFlag())
    .addOption(granularityFlag())
    .addHelpText("after", "\nOperands: in input, w weight, t posted tensor, n tensor inside of the block; + addend, (…) value of an elementwise expression.\nTaps: products or candidates that one element of the result sums or compares.")
    .action(
      action(shell, async (context, model: string, options: { shape?: [string, number[]][]; granularity: Granularity }) => {
        const { bundle } = await findModel(context, model, { shapes: Object.fromEntries(options.shape ?? []), granularity: options.granularity, store: false });
        const summary = describeProgram(bundle.program);
        const { totals } = summary;
        const rows = summary.steps.map((step) => [
          String(step.index),
          step.posted ? String(step.block) : `${step.block} inside`,
          step.kind,
          step.nodes.join(" + ") || "(unnamed)",
          `[${step.shape.join(",")}]`,
          String(step.elements),
          String(step.taps),
          step.operands.map(operandText).join(" "),
          bytes(step.bytes),
        ]);
        context.output.result(summary, [
          ...pairs([["program", summary.root], ...summary.inputs.map((input) => ["input", tensorText(input)] as const), ...summary.outputs.map((output) => ["output", tensorText(output)] as const)]),
          "",
          ...table(["step", "block", "kind", "nodes", "shape", "elements", "taps", "operands", "bytes"], rows),
          "",
          `${totals.steps} steps in ${totals.blocks === 1 ? "one block" : `${totals.blocks} blocks`}, ${totals.elements} elements, ${totals.taps} taps, ${bytes(totals.traceBytes)} posted, ${bytes(totals.innerBytes)} inside of blocks, ${totals.weights} weights of ${bytes(totals.weightBytes)}`,
        ]);
      }),
    );
}
