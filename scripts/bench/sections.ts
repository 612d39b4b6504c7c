import type { Section } from "./section.ts";
import { cores } from "./sections/cores.ts";
import { flight } from "./sections/flight.ts";
import { otherFloats } from "./sections/otherFloats.ts";
import { overhead } from "./sections/overhead.ts";
import { shares } from "./sections/shares.ts";

/** All measurements, in the order in which they are made and shown. */
export const sections: readonly Section<never>[] = [flight, overhead, shares, cores, otherFloats] as readonly Section<unknown>[] as readonly Section<never>[];
