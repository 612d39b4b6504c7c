import type { Section } from "./section.ts";
import { cores } from "./sections/cores.ts";
import { flight } from "./sections/flight.ts";
import { growth } from "./sections/growth.ts";
import { memory } from "./sections/memory.ts";
import { otherFloats } from "./sections/otherFloats.ts";
import { overhead } from "./sections/overhead.ts";
import { shares } from "./sections/shares.ts";
import { start } from "./sections/start.ts";

/** All measurements, in the order in which they are made and shown. */
export const sections: readonly Section<never>[] = [flight, overhead, shares, cores, memory, start, growth, otherFloats] as readonly Section<unknown>[] as readonly Section<never>[];
