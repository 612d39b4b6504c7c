import type { Section } from "./section.ts";
import { otherFloats } from "./sections/otherFloats.ts";
import { overhead } from "./sections/overhead.ts";

/** All measurements, in the order in which they are made and shown. */
export const sections: readonly Section<never>[] = [overhead, otherFloats] as readonly Section<unknown>[] as readonly Section<never>[];
