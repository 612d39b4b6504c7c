import { Option, type Command } from "commander";
import { integer } from "./parse.ts";

/** Values of the flags that every command takes, as typed. */
export interface GlobalFlags {
  home?: string;
  rpc?: string;
  chainId?: number;
  key?: string;
  passwordFile?: string;
  json?: boolean;
  logLevel?: string;
  /** Flags of single commands that are settings too. */
  executionProvider?: string;
  threads?: number;
  listen?: string[];
  bootstrap?: string[];
  telemetryPort?: number;
  telemetryHost?: string;
  pollingIntervalMs?: number;
  confirmations?: number;
  stopTimeoutSeconds?: number;
  dht?: string;
  mdns?: boolean;
  nat?: boolean;
  relay?: boolean;
}

/** Adds the flags that every command takes. Environment variables are read by the configuration, which also knows the file. */
export function addGlobalFlags(program: Command): Command {
  return program
    .option("--home <folder>", "data folder: keys, bundles, deployments, configuration (env GAINSAY_HOME; default ~/.gainsay)")
    .option("--rpc <url>", "JSON-RPC endpoint of the chain; several separated by commas are tried in order (env GAINSAY_RPC_URL; default http://127.0.0.1:8545)")
    .option("--chain-id <number>", "chain that the endpoint must serve (env GAINSAY_CHAIN_ID; default 31337)", integer(1))
    .option("--key <name>", "account that signs: name or file of a keystore (env GAINSAY_KEY; no default)")
    .option("--password-file <file>", "file whose first line opens the keystore (env GAINSAY_PASSWORD_FILE, or GAINSAY_PASSWORD itself; default: ask on the terminal)")
    .option("--json", "print the result as one JSON document, money in smallest units such as wei and times in seconds since 1970 (no environment variable; default: text)")
    .addOption(
      new Option("--log-level <level>", "least serious log lines shown on standard error (env GAINSAY_LOG_LEVEL; default info for daemons, error otherwise)").choices(["trace", "debug", "info", "warn", "error", "silent"]),
    );
}
