import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { exportReceiptCommand } from "./export.ts";
import { verifyReceiptCommand } from "./verify.ts";

/** `gainsay receipt …` */
export function receiptCommand(shell: Shell): Command {
  const group = new Command("receipt").description("portable proofs that a program gave an output on an input");
  for (const command of [exportReceiptCommand, verifyReceiptCommand]) group.addCommand(command(shell));
  return group;
}
