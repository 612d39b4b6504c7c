import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { compileCommand } from "./compile.ts";
import { inspectCommand } from "./inspect.ts";
import { listModelsCommand } from "./list.ts";
import { registerCommand } from "./register.ts";

/** `gainsay model …` */
export function modelCommand(shell: Shell): Command {
  const group = new Command("model").description("compile ONNX models to programs, look at them, register them on chain");
  for (const command of [compileCommand, inspectCommand, registerCommand, listModelsCommand]) group.addCommand(command(shell));
  return group;
}
