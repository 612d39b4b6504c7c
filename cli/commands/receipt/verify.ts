import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { checkReceipt, parseReceipt } from "../../../protocol/receipt/receipt.ts";
import { action } from "../../action.ts";
import { checkReceiptOnChain } from "../../checkReceiptOnChain.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay receipt verify FILE` */
export function verifyReceiptCommand(shell: Shell): Command {
  return new Command("verify")
    .description("check a receipt: that its hashes fit, and that the chain says the same; exit code 3 if anything does not hold")
    .argument("<file>", "receipt")
    .option("--offline", "check the hashes only, and ask no chain (default: ask it)")
    .action(
      action(shell, async (context, file: string, options: { offline?: boolean }) => {
        const text = await readFile(file, "utf8").catch((cause: unknown) => {
          throw new GainsayError(`The receipt ${file} cannot be read; check its name and permissions.`, { code: "FILE_NOT_READABLE", kind: "usage", details: { file, reason: (cause as NodeJS.ErrnoException).code }, cause });
        });
        const receipt = parseReceipt(text);
        const checks = [...checkReceipt(receipt), ...(options.offline === true ? [] : await checkReceiptOnChain(await context.chain(), receipt))];
        const failed = checks.filter(({ holds }) => !holds).map(({ name }) => name);
        const [first] = failed;
        if (first !== undefined) {
          for (const name of failed.slice(1)) context.output.note(`does not hold: ${name}`);
          throw new GainsayError(`The receipt does not hold: it is not so that ${first}.`, { code: "RECEIPT_INVALID", kind: "verification", details: { failed, checks } });
        }
        context.output.result({ verified: true, online: options.offline !== true, chainId: receipt.chainId, jobId: receipt.jobId, programRoot: receipt.programRoot, outputRoot: receipt.outputRoot, checks }, [
          ...checks.map(({ name }) => `holds: ${name}`),
          "",
          options.offline === true ? "The receipt's hashes fit together. Whether the chain says the same was not asked." : `The receipt holds: job ${receipt.jobId} of chain ${receipt.chainId} is final with this output.`,
        ]);
      }),
    );
}
