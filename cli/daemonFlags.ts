import { Option, type Command } from "commander";
import { optimizations, providers } from "../runtime/inference/types.ts";
import { integer, repeated } from "./parse.ts";

/** Values of the flags that both daemons take, besides those that are settings. */
export interface DaemonFlags {
  name: string;
  optimization: (typeof optimizations)[number];
  announce?: string[];
  concurrency: number;
}

/** Adds the flags that both daemons take. */
export function addDaemonFlags(command: Command): Command {
  const text = (value: string): string => value;
  return command
    .option("--name <name>", "tells several daemons with the same data folder apart (default \"default\")", "default")
    .addOption(new Option("--execution-provider <name>", "ONNX Runtime execution provider (env GAINSAY_EXECUTION_PROVIDER; default cpu)").choices([...providers]))
    .option("--threads <number>", "threads of one inference; 0 takes one a core (env GAINSAY_THREADS; default 0)", integer(0, 1024))
    .addOption(new Option("--optimization <level>", "how far ONNX Runtime may rewrite a graph").choices([...optimizations]).default("all"))
    .option("--listen <multiaddr>", "address to listen on, may be repeated (env GAINSAY_LISTEN; default /ip4/127.0.0.1/tcp/0)", repeated(text))
    .option("--announce <multiaddr>", "address to tell others instead of those listened on, may be repeated", repeated(text))
    .option("--bootstrap <multiaddr>", "peer to stay connected with, may be repeated (env GAINSAY_BOOTSTRAP; daemons with the same data folder find each other)", repeated(text))
    .option("--telemetry-port <port>", "loopback port for /metrics, /health, /ready and /status; 0 takes a free one (env GAINSAY_TELEMETRY_PORT; default: none)", integer(0, 65_535))
    .option("--polling-interval-ms <ms>", "milliseconds between looks at the chain (env GAINSAY_POLLING_INTERVAL_MS; default 1000)", integer(50, 600_000))
    .option("--concurrency <number>", "jobs at work at once", integer(1, 64), 2);
}
