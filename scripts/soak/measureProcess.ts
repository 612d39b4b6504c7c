import { readFileSync, readdirSync } from "node:fs";

/** Memory and handles of one process at one moment. */
export interface Sample {
  at: number;
  rssBytes: number;
  handles: number;
}

/** Reads them from /proc; undefined if the process is gone. */
export function measureProcess(pid: number, at: number): Sample | undefined {
  try {
    const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    return { at, rssBytes: kibibytes * 1024, handles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

/** Medians early (after the warm-up of the first fifth) and late in the life of one process. */
export function trend(samples: readonly Sample[]): { early: Sample; late: Sample } | undefined {
  if (samples.length < 10) return undefined;
  const fifth = Math.floor(samples.length / 5);
  return { early: median(samples.slice(fifth, 2 * fifth)), late: median(samples.slice(-fifth)) };
}

function median(samples: readonly Sample[]): Sample {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { at: samples[0]?.at ?? 0, rssBytes: middle(samples.map(({ rssBytes }) => rssBytes)), handles: middle(samples.map(({ handles }) => handles)) };
}
