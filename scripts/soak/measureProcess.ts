import { readFileSync, readdirSync } from "node:fs";

/** Memory and handles of one process and its children at one moment. */
export interface Sample {
  at: number;
  rssBytes: number;
  handles: number;
}

/** Reads them from /proc; undefined if the process is gone. A daemon's inference runs in a child of it. */
export function measureProcess(pid: number, at: number): Sample | undefined {
  try {
    const sum = { at, rssBytes: 0, handles: 0 };
    for (const one of [pid, ...childrenOf(pid)]) {
      sum.rssBytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/status`, "utf8"))?.[1]) * 1024;
      sum.handles += readdirSync(`/proc/${one}/fd`).length;
    }
    return Number.isFinite(sum.rssBytes) ? sum : undefined;
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

/** Medians of the fifths of one process's life, the first of which is its warm-up; undefined if it was short. */
export function fifthsOf(samples: readonly Sample[]): Sample[] | undefined {
  if (samples.length < 20) return undefined;
  return Array.from({ length: 5 }, (_, i) => median(samples.slice(Math.floor((i * samples.length) / 5), Math.floor(((i + 1) * samples.length) / 5))));
}

function median(samples: readonly Sample[]): Sample {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { at: samples[0]?.at ?? 0, rssBytes: middle(samples.map(({ rssBytes }) => rssBytes)), handles: middle(samples.map(({ handles }) => handles)) };
}
