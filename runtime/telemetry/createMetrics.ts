import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Metrics of one process. Names are written without prefix and end in their base unit; asking twice for a name gives the same metric. */
export interface Metrics {
  /** Name ends in `_total`. */
  counter<T extends string = never>(name: string, help: string, labelNames?: readonly T[]): Counter<T>;
  gauge<T extends string = never>(name: string, help: string, labelNames?: readonly T[]): Gauge<T>;
  /** `buckets` in the base unit of the name. */
  histogram<T extends string = never>(name: string, help: string, labelNames?: readonly T[], buckets?: readonly number[]): Histogram<T>;
  /** The text of a Prometheus scrape. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Also report memory, event loop and garbage collection of the process. Default true. */
  process?: boolean;
}

const prefix = "gainsay_";
const notBaseUnits = /_(ms|milliseconds|micros|us|ns|minutes|hours|kb|kib|mb|mib|gwei|eth|percent)$/;

/** Makes an empty registry, so that two parts in one process, as in tests, do not share counts. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.process ?? true) collectDefaultMetrics({ register: registry, prefix });
  const once = <M>(name: string, make: (full: string) => M): M => {
    if (notBaseUnits.test(name)) throw new Error(`metric ${name} must be in a base unit: seconds, bytes, wei, ratio`);
    return (registry.getSingleMetric(prefix + name) as M | undefined) ?? make(prefix + name);
  };
  return {
    counter(name, help, labelNames = []) {
      if (!name.endsWith("_total")) throw new Error(`counter ${name} must end in _total`);
      return once(name, (full) => new Counter({ name: full, help, labelNames, registers: [registry] }));
    },
    gauge: (name, help, labelNames = []) => once(name, (full) => new Gauge({ name: full, help, labelNames, registers: [registry] })),
    histogram: (name, help, labelNames = [], buckets) =>
      once(name, (full) => new Histogram({ name: full, help, labelNames, registers: [registry], ...(buckets === undefined ? {} : { buckets: [...buckets] }) })),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
