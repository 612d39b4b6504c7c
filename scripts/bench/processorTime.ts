import { readFileSync } from "node:fs";

/** Ticks a second in which Linux counts processor time for programs, whatever its kernel uses inside. */
const TICKS = 100;

/** Milliseconds of processor time that this process and its children have used so far; of the children only where /proc is, and in steps of 10 ms. */
export function processorTime(children: readonly number[]): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + children.reduce((sum, pid) => sum + ticksOf(pid), 0) * (1000 / TICKS);
}

function ticksOf(pid: number): number {
  try {
    // Behind the name, which may have spaces, the 12th and 13th fields are user and system time (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}
