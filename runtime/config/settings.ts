import { z } from "zod";

const url = z.string().url("expected a URL").refine((value) => /^https?:/.test(value), "expected a URL that starts with http:// or https://");

/** Numbers arrive as text from the environment and as numbers from JSON. */
function integer(minimum: number, maximum: number) {
  return z.preprocess((value) => (typeof value === "string" && /^-?\d+$/.test(value.trim()) ? Number(value) : value), z.number().int().min(minimum).max(maximum));
}

const yesOrNo = z.preprocess((value) => (typeof value === "string" ? ({ true: true, yes: true, "1": true, false: false, no: false, "0": false }[value.toLowerCase()] ?? value) : value), z.boolean());

/** A list is an array in JSON and separated by commas in the environment. */
function list<T extends z.ZodTypeAny>(item: T) {
  return z.preprocess((value) => (typeof value === "string" ? value.split(",").map((part) => part.trim()).filter((part) => part !== "") : value), z.array(item));
}

const port = integer(0, 65_535);

/** Every setting: environment variable, type, default. The key is its name in `config.json`. */
export const settings = {
  /** JSON-RPC endpoints, tried in order. */
  rpcUrls: { env: "GAINSAY_RPC_URL", schema: list(url).refine((urls) => urls.length > 0, "expected at least one URL"), default: ["http://127.0.0.1:8545"] },
  chainId: { env: "GAINSAY_CHAIN_ID", schema: integer(1, Number.MAX_SAFE_INTEGER), default: 31337 },
  /** Blocks after which an event is taken as settled. */
  confirmations: { env: "GAINSAY_CONFIRMATIONS", schema: integer(0, 10_000), default: 0 },
  pollingIntervalMs: { env: "GAINSAY_POLLING_INTERVAL_MS", schema: integer(50, 600_000), default: 1_000 },
  /** Name or file of the account's keystore. */
  key: { env: "GAINSAY_KEY", schema: z.string().min(1).optional(), default: undefined },
  executionProvider: { env: "GAINSAY_EXECUTION_PROVIDER", schema: z.enum(["cpu", "cuda", "webgpu", "coreml", "dml"]), default: "cpu" as const },
  /** Threads of one inference; 0 lets the program's numeric profile decide. */
  threads: { env: "GAINSAY_THREADS", schema: integer(0, 1024), default: 0 },
  listen: { env: "GAINSAY_LISTEN", schema: list(z.string().startsWith("/")), default: ["/ip4/127.0.0.1/tcp/0"] },
  /** Multiaddresses of peers to dial at start. */
  bootstrap: { env: "GAINSAY_BOOTSTRAP", schema: list(z.string().startsWith("/")), default: [] as string[] },
  /** Part taken in the distributed table of peers. */
  dht: { env: "GAINSAY_DHT", schema: z.enum(["off", "client", "server", "auto"]), default: "auto" as const },
  /** Find peers on the local network. */
  mdns: { env: "GAINSAY_MDNS", schema: yesOrNo, default: false },
  /** Keep a place at a relay, for a machine behind NAT. */
  nat: { env: "GAINSAY_NAT", schema: yesOrNo, default: false },
  /** Be a relay for machines behind NAT. */
  relay: { env: "GAINSAY_RELAY", schema: yesOrNo, default: false },
  /** Loopback port of metrics and health; absent: none. */
  telemetryPort: { env: "GAINSAY_TELEMETRY_PORT", schema: port.optional(), default: undefined },
  /** Address that metrics and health are served on. */
  telemetryHost: { env: "GAINSAY_TELEMETRY_HOST", schema: z.string().ip("expected an IP address"), default: "127.0.0.1" },
  /** Seconds for an orderly stop after the first signal. */
  stopTimeoutSeconds: { env: "GAINSAY_STOP_TIMEOUT_SECONDS", schema: integer(1, 3_600), default: 30 },
  logLevel: { env: "GAINSAY_LOG_LEVEL", schema: z.enum(["trace", "debug", "info", "warn", "error", "silent"]), default: "info" as const },
} as const;

export type SettingName = keyof typeof settings;
export type Settings = { [K in SettingName]: z.infer<(typeof settings)[K]["schema"]> };
