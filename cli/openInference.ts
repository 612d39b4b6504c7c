import { availableParallelism } from "node:os";
import { createInference, type Inference } from "../runtime/inference/createInference.ts";
import type { Optimization } from "../runtime/inference/types.ts";
import type { GraphOptions } from "../runtime/programs/graphSetting.ts";
import { createLogger, type Logger } from "../runtime/telemetry/createLogger.ts";
import type { Context } from "./context.ts";

export interface DaemonRole {
  kind: "executor" | "watcher";
  /** Tells several daemons of one kind in the same home apart. */
  name: string;
}

/** The inference process of a daemon, under way. */
export interface DaemonInference {
  inference: Inference;
  options: GraphOptions;
  /** Rejects if the process does not start or has not the provider. */
  started: Promise<unknown>;
  /** Of the daemon. */
  logger: Logger;
}

/** Starts the inference process, before most of a daemon is loaded: the one takes about as long as the other. The context stops it again. */
export function openInference(context: Context, { kind, name }: DaemonRole, optimization: Optimization): DaemonInference {
  const { executionProvider: provider, threads, logLevel } = context.settings;
  const logger = createLogger({ level: logLevel, name: name === "default" ? kind : name });
  const options = { provider, threads: threads === 0 ? sparedOne() : threads, optimization };
  const inference = createInference(options, { logger });
  context.onClose(() => inference.stop());
  const started = inference.start(context.signal);
  // Whoever waits for it hears of it; until then other things may fail first.
  started.catch(() => undefined);
  return { inference, options, started, logger };
}

/** A thread for each core but one, which the daemon and its hashing need: with none to spare, every operator waits for the thread that they hold up (docs/performance.md, "By threads"). */
function sparedOne(): number {
  return Math.max(1, availableParallelism() - 1);
}
