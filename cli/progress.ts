import type { Sink } from "./shell.ts";

/** What a command is waiting for, on standard error: one line that changes on a terminal, a line for each change elsewhere. */
export interface Progress {
  update(text: string): void;
  /** Ends the line, so that other text can follow. */
  end(): void;
}

export function createProgress(stderr: Sink): Progress {
  let shown = "";
  return {
    update(text) {
      if (text === shown) return;
      if (stderr.isTTY === true) stderr.write(`\r\x1b[K${text.slice(0, Math.max(20, (stderr.columns ?? 80) - 1))}`);
      // A count in brackets at the end changes every second and would fill a log file.
      else if (text.replace(/ \(\d.*\)$/, "") !== shown.replace(/ \(\d.*\)$/, "")) stderr.write(`${text}\n`);
      shown = text;
    },
    end() {
      if (shown !== "" && stderr.isTTY === true) stderr.write("\r\x1b[K");
      shown = "";
    },
  };
}
