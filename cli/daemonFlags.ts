import { Option, type Command } from "commander";
import { optimizations, providers } from "../runtime/inference/types.ts";
import { bytesOf, integer, repeated } from "./parse.ts";

/** Values of the flags that both daemons take, besides those that are settings. */
export interface DaemonFlags {
  name: string;
  optimization: (typeof optimizations)[number];
  announce?: string[];
  concurrency: number;
  maxDisk?: number;
}

const text = (value: string): string => value;

/** Adds the flags that both daemons take. */
export function addDaemonFlags(command: Command): Command {
  return addSettingFlags(command)
    .option("--stop-timeout-seconds <number>", "seconds for an orderly stop after the first signal; a second signal ends it at once (env GAINSAY_STOP_TIMEOUT_SECONDS; default 30)", integer(1, 3_600))
    .option("--name <name>", "tells several daemons with the same data folder apart (default \"default\")", "default")
    .addOption(new Option("--optimization <level>", "how far ONNX Runtime may rewrite a graph").choices([...optimizations]).default("all"))
    .option("--announce <multiaddr>", "address to tell others instead of those listened on, may be repeated (default: those listened on)", repeated(text))
    .option("--concurrency <number>", "jobs at work at once", integer(1, 64), 8)
    .option("--max-disk <size>", "most that stored traces may take on disk; no job is claimed or checked beyond it (default: what the disk holds)", bytesOf);
}

/** Adds the settings of a daemon that are flags too; `doctor` takes them to look at what a daemon would use. */
export function addSettingFlags(command: Command): Command {
  return command
    .addOption(new Option("--execution-provider <name>", "ONNX Runtime execution provider (env GAINSAY_EXECUTION_PROVIDER; default cpu)").choices([...providers]))
    .option("--threads <number>", "threads of one inference; 0 takes one for each core but one (env GAINSAY_THREADS; default 0)", integer(0, 1024))
    .option("--listen <multiaddr>", "address to listen on, may be repeated (env GAINSAY_LISTEN, comma-separated; default /ip4/127.0.0.1/tcp/0)", repeated(text))
    .option("--bootstrap <multiaddr>", "peer to stay connected with, may be repeated (env GAINSAY_BOOTSTRAP, comma-separated; default: daemons with the same data folder find each other)", repeated(text))
    .addOption(new Option("--dht <mode>", "part taken in the table by which peers find each other: client only asks, server also answers and tells private addresses, auto answers once it has a public address (env GAINSAY_DHT; default auto)").choices(["off", "client", "server", "auto"]))
    .option("--mdns", "find peers on the local network (env GAINSAY_MDNS; default no)")
    .option("--nat", "keep a place at a relay and punch holes, for a machine that others cannot reach (env GAINSAY_NAT; default no)")
    .option("--relay", "relay connections to machines behind NAT (env GAINSAY_RELAY; default no)")
    .option("--telemetry-port <port>", "port for /metrics, /health, /ready and /status; 0 takes a free one (env GAINSAY_TELEMETRY_PORT; default: none)", integer(0, 65_535))
    .option("--telemetry-host <address>", "IP address to serve them on; whoever reaches it sees what this node does (env GAINSAY_TELEMETRY_HOST; default 127.0.0.1)")
    .option("--polling-interval-ms <ms>", "milliseconds between looks at the chain (env GAINSAY_POLLING_INTERVAL_MS; default 1000)", integer(50, 600_000))
    .option("--confirmations <blocks>", "blocks below the head after which an event is taken as settled (env GAINSAY_CONFIRMATIONS; default 0)", integer(0, 10_000));
}
