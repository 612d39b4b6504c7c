import type { Sink } from "./shell.ts";

/** What a command is waiting for, on standard error: one line that changes on a terminal, a line for each change elsewhere. */
export interface Progress {
  /** `detail` changes all the time, such as the seconds left; it is shown on a terminal only, where it fills no log. */
  update(text: string, detail?: string): void;
  /** Ends the line, so that other text can follow. */
  end(): void;
}

export function createProgress(stderr: Sink): Progress {
  let shown = "";
  return {
    update(text, detail) {
      if (stderr.isTTY === true) {
        const line = detail === undefined ? text : `${text} (${detail})`;
        stderr.write(`\r\x1b[K${line.slice(0, Math.max(20, (stderr.columns ?? 80) - 1))}`);
      } else if (text !== shown) stderr.write(`${text}\n`);
      shown = text;
    },
    end() {
      if (shown !== "" && stderr.isTTY === true) stderr.write("\r\x1b[K");
      shown = "";
    },
  };
}
