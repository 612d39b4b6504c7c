import type { Section } from "./section.ts";
import { cores } from "./sections/cores.ts";
import { disputes } from "./sections/disputes.ts";
import { flight } from "./sections/flight.ts";
import { gas } from "./sections/gas.ts";
import { growth } from "./sections/growth.ts";
import { memory } from "./sections/memory.ts";
import { otherFloats } from "./sections/otherFloats.ts";
import { overhead } from "./sections/overhead.ts";
import { shares } from "./sections/shares.ts";
import { start } from "./sections/start.ts";
import { throughput } from "./sections/throughput.ts";

/** All measurements, in the order in which they are made and shown. */
export const sections: readonly Section<never>[] = [flight, overhead, shares, cores, memory, start, growth, otherFloats, gas, disputes, throughput] as readonly Section<unknown>[] as readonly Section<never>[];
