import type { DestinationStream } from "pino";
import pretty from "pino-pretty";

/** Lines for people: time, level, message, fields. */
export function pinoPretty(destination?: DestinationStream): DestinationStream {
  return pretty({
    colorize: process.stderr.isTTY && !process.env["NO_COLOR"],
    translateTime: "SYS:HH:MM:ss.l",
    messageKey: "message",
    singleLine: true,
    sync: true,
    destination: (destination as NodeJS.WritableStream | undefined) ?? 2,
  });
}
