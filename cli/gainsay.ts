import process from "node:process";
import { runCli } from "./runCli.ts";

const controller = new AbortController();
const onSignal = (signal: NodeJS.Signals): void => {
  // The first signal asks for an orderly stop; a second one does not wait for it.
  if (controller.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
  controller.abort();
};
process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
// A reader that goes away, as in `gainsay job list | head`, is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exitCode = await runCli(process.argv.slice(2), { env: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signal: controller.signal, exit: (code) => process.exit(code) });
