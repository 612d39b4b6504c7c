import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import path from "node:path";
import type { Mutant } from "./findMutants.ts";

/** What became of a mutant. */
export interface Fate {
  /** What names the mutant in later builds. */
  key: string;
  /** The test that noticed it; none if it lives. */
  by?: string;
  /** Whether it was put before all tests, those in Solidity included. */
  thorough?: boolean;
  ms: number;
}

/** The same for the same change of the same text, whatever else there is in a build. */
export function keyOf(root: string, { file, start, end, kind, after }: Mutant): string {
  return createHash("sha256").update(readFileSync(path.join(root, file))).update(`${file} ${start} ${end} ${kind} ${after}`).digest("hex").slice(0, 24);
}

/** Fates in a file that only grows, one by one and by several processes at once: an interrupted run loses none. The last word on a mutant holds. */
export function openFates(file: string) {
  const known = new Map<string, Fate>();
  let read = 0;

  function refresh(): void {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const whole = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(read, whole).split("\n")) {
      if (line === "") continue;
      const fate = JSON.parse(line) as Fate;
      known.set(fate.key, fate);
    }
    read = whole;
  }

  return {
    file,
    get(key: string): Fate | undefined {
      refresh();
      return known.get(key);
    },
    add(fate: Fate): void {
      appendFileSync(file, `${JSON.stringify(fate)}\n`);
    },
  };
}
