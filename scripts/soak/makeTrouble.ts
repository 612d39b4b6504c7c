import { setTimeout as delay } from "node:timers/promises";
import type { Victim } from "../crash/createVictim.ts";
import type { Links } from "./createLinks.ts";

export interface TroubleOptions {
  daemons: readonly Victim[];
  /** Names of those that leave and come back; the others stay, so that a trend over their whole life can be seen. */
  leaving: readonly string[];
  links: Links;
  /** From 0 to 1. */
  random: () => number;
  note: (text: string) => void;
}

export interface Trouble {
  /** Orderly stops with a later start, and pulled cables, so far. */
  readonly restarts: number;
  readonly cuts: number;
  /** Resolves when everybody is there again. */
  stop(): Promise<void>;
}

/** Every ten seconds or so a daemon leaves for some seconds, or the cable of one is pulled. */
export function makeTrouble({ daemons, leaving, links, random, note }: TroubleOptions): Trouble {
  let [restarts, cuts] = [0, 0];
  const stopping = new AbortController();
  const pick = (from: readonly Victim[]): Victim => from[Math.floor(random() * from.length)] as Victim;
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(6_000 + random() * 6_000, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const seconds = 2 + random() * 6;
      if (random() < 0.5 || !links.real) {
        restarts++;
        const victim = pick(daemons.filter(({ name }) => leaving.includes(name)));
        note(`${victim.name} leaves for ${seconds.toFixed(1)} s`);
        await victim.stop();
        await delay(seconds * 1_000);
        victim.start();
      } else {
        cuts++;
        const victim = pick(daemons);
        note(`link of ${victim.name} cut for ${seconds.toFixed(1)} s`);
        links.set(victim.name, false);
        await delay(seconds * 1_000);
        links.set(victim.name, true);
      }
    }
  };
  const working = work();
  return {
    get restarts() {
      return restarts;
    },
    get cuts() {
      return cuts;
    },
    stop() {
      stopping.abort();
      return working;
    },
  };
}
