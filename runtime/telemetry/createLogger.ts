import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";
import { pinoPretty } from "./pretty.ts";
import { safeFields } from "./safeFields.ts";

/** A fixed message and fields. What is passed as bytes is written in hexadecimal, never as text. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: Record<string, unknown>): Logger;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

export interface LoggerOptions {
  level?: LogLevel;
  /** Lines for people; by default where standard error is a terminal. JSON otherwise. */
  pretty?: boolean;
  /** Which part speaks, such as `executor`. */
  name?: string;
}

/** Logs to standard error, or to `destination`. Fields named like secrets are redacted. */
export function createLogger(options: LoggerOptions = {}, destination?: DestinationStream): Logger {
  const stream = (options.pretty ?? process.stderr.isTTY) ? pinoPretty(destination) : (destination ?? pino.destination({ fd: 2, sync: true }));
  const logger = pino(
    {
      level: options.level ?? "info",
      base: options.name === undefined ? {} : { name: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }), log: safeFields },
    },
    stream,
  );
  return wrap(logger);
}

/** Only the shapes of `Logger`: pino's own would also take a message with values in it, and a child's fields unchecked. */
function wrap(logger: PinoLogger): Logger {
  return {
    trace: (fields, message) => logger.trace(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (bindings) => wrap(logger.child(safeFields(bindings))),
  };
}

/** Says nothing; for tests and libraries without an operator. */
export function silentLogger(): Logger {
  return createLogger({ level: "silent", pretty: false });
}
