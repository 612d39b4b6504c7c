import type { LogLine } from "../../../cli/commands/demo/createStage.ts";

/** What all daemons have logged, and waits for what they will. */
export interface Journal {
  note(daemon: string, line: LogLine): void;
  /** The first line with this message, and these fields, after the last one that was waited for from this daemon. */
  next(daemon: string, message: string, fields?: Record<string, unknown>): Promise<LogLine>;
  /** All lines of a daemon. */
  of(daemon: string): LogLine[];
}

export function createJournal(patienceMs: number): Journal {
  const lines = new Map<string, LogLine[]>();
  const cursors = new Map<string, number>();
  const waiting = new Set<() => void>();
  const of = (daemon: string): LogLine[] => lines.get(daemon) ?? [];
  return {
    of,
    note(daemon, line) {
      lines.set(daemon, [...of(daemon), line]);
      waiting.forEach((look) => look());
    },
    next(daemon, message, fields = {}) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const from = cursors.get(daemon) ?? 0;
          const at = of(daemon).findIndex((line, i) => i >= from && line.message === message && Object.entries(fields).every(([name, value]) => String(line[name]) === String(value)));
          if (at < 0) return;
          cursors.set(daemon, at + 1);
          end();
          resolve(of(daemon)[at] as LogLine);
        };
        const timer = setTimeout(() => {
          end();
          const last = of(daemon).slice(-8).map((line) => JSON.stringify(line));
          reject(new Error(`${daemon} never said "${message}"; it said\n${last.join("\n")}`));
        }, patienceMs);
        const end = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      });
    },
  };
}
