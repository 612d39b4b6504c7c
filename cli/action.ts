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
    const release = holdToDeadline(context);
    try {
      await run(context, ...(parameters.slice(0, -1) as P));
    } finally {
      await context.close();
      release();
    }
  };
}

/** Asked to stop, a command does so in order, but not for ever: what hangs then is left to the next start, which loses nothing. */
function holdToDeadline({ signal, settings, shell, output }: Context): () => void {
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => {
      output.note(`gainsay: not stopped within ${settings.stopTimeoutSeconds} s, so it ends now; the next start goes on from the chain and the disk. [STOP_TIMEOUT]`);
      shell.exit?.(1);
    }, settings.stopTimeoutSeconds * 1000);
    timer.unref();
  };
  signal.addEventListener("abort", begin, { once: true });
  return () => {
    signal.removeEventListener("abort", begin);
    clearTimeout(timer);
  };
}
