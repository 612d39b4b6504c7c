import { isMainThread } from "node:worker_threads";

// Loaded into the chain's process before anything else. Standard input is a pipe from the process that started it: its end is
// the only message that arrives even if that process is killed.
if (isMainThread) {
  const exit = (): never => process.exit(0);
  process.stdin.on("end", exit).on("close", exit).on("error", exit).resume();
  // Ctrl-C reaches all processes of a terminal; the parent still needs the chain while it shuts down.
  process.on("SIGINT", () => undefined);
}
