import { measureConvictions, type Conviction } from "../conviction.ts";
import type { Section } from "../section.ts";

/** How long a dispute takes, windows not counted. */
export const disputes: Section<Conviction[]> = {
  name: "disputes",
  title: "A dispute, from finding to verdict",
  about: "An executor that answers falsely and a watcher, processes of their own, on a development chain whose seals have an age of 1 s, which is in the numbers; both look at the chain every 200 ms.",
  onRequest: true,
  measure: ({ subjects, note }) => measureConvictions(subjects, (text) => note(`disputes: ${text}`)),
  tables: (measured) => [
    {
      caption: "Seconds",
      header: ["model", "granularity", "committed to found", "found to opened", "opened to verdict", "found to verdict", "gas of the refutation"],
      rows: measured.map(({ model, granularity, detection, opening, verdict, gas }) => [model, granularity, ...[detection, opening, verdict, opening + verdict].map((seconds) => `${seconds.toFixed(1)} s`), `${Math.round(gas / 1000)}k`]),
    },
  ],
};
