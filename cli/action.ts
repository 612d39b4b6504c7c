import type { Command } from "commander";
import { openContext, type Context } from "./context.ts";
import type { GlobalFlags } from "./globalFlags.ts";
import type { Shell } from "./shell.ts";

/**
 * Makes the body of a command: opens the context, runs, closes the context whatever happened. The body gets the command's
 * arguments in order, then its options.
 */
export function action<P extends unknown[]>(shell: Shell, run: (context: Context, ...parameters: P) => Promise<void>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command;
    const context = openContext(command.optsWithGlobals<GlobalFlags>(), shell, command.name() === "start");
    try {
      await run(context, ...(parameters.slice(0, -1) as P));
    } finally {
      await context.close();
    }
  };
}
