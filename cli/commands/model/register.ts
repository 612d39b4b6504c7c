import { Command } from "commander";
import { manifestHash } from "../../../runtime/bundle/bundleFiles.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { findModel as findRegistered } from "../../../runtime/chain/reads/getModel.ts";
import { isRevert } from "../../../runtime/chain/revertError.ts";
import { action } from "../../action.ts";
import { findModel } from "../../models.ts";
import { granularityFlag } from "../../granularityFlag.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { shapeFlag } from "../../shapeFlag.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay model register ROOT|FILE.onnx` */
export function registerCommand(shell: Shell): Command {
  return new Command("register")
    .description("register a program on chain, so that jobs can name it; one that is registered already is a success")
    .argument("<model>", "program root (or its first digits), folder of a bundle, or ONNX file, which is compiled and stored first")
    .addOption(shapeFlag())
    .addOption(granularityFlag())
    .option("--uri <uri>", "where others may find the bundle; a hint that the chain keeps", "")
    .action(
      action(shell, async (context, model: string, options: { shape?: [string, number[]][]; granularity: Granularity; uri: string }) => {
        const { output, progress, signal } = context;
        const { bundle } = await findModel(context, model, { shapes: Object.fromEntries(options.shape ?? []), granularity: options.granularity, store: true });
        const { root: programRoot, header } = bundle.program;
        const chain = await context.chain();
        const already = (modelId: bigint): void => output.result({ programRoot, modelId, registered: false }, [`program ${programRoot} is registered already, as model ${modelId}`]);
        const known = await findRegistered(chain, programRoot);
        if (known !== undefined) return already(known.id);
        const sender = await context.sender();
        progress.update("registering the program");
        try {
          const { modelId, receipt } = await registerModel(sender, header, manifestHash(bundle), options.uri, { signal });
          progress.end();
          output.result({ programRoot, modelId, registered: true, transaction: receipt.transactionHash }, [`registered program ${programRoot} as model ${modelId}`]);
        } catch (error) {
          const meanwhile = isRevert(error, "AlreadyRegistered") ? await findRegistered(chain, programRoot) : undefined;
          if (meanwhile === undefined) throw error;
          already(meanwhile.id);
        }
      }),
    );
}
