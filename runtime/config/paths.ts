import { homedir } from "node:os";
import path from "node:path";

/** Where everything stands on disk, all below one folder. */
export interface Paths {
  home: string;
  /** Settings that flags and environment override. */
  configFile: string;
  /** Encrypted keystores, `<name>.json`. */
  keys: string;
  /** Compiled programs, one folder each, named by program root. */
  bundles: string;
  /** Contract addresses, `<chainId>.json`. */
  deployments: string;
  /** Inputs, outputs and receipts of a requester's jobs. */
  jobs: string;
  /** What each account has sent and not seen included. */
  transactions: string;
  /** What a local development chain leaves: password file, log. */
  devnet: string;
}

/** Folder of one daemon: its traces, caches and network identity. */
export interface DaemonPaths {
  folder: string;
  /** libp2p identity, unencrypted, mode 0600. */
  identityFile: string;
  /** Data that must outlive a crash. */
  data: string;
  /** Executable graphs, by program and setting. */
  graphs: string;
}

/** Default data folder: `~/.gainsay`. */
export function defaultHome(): string {
  return path.join(homedir(), ".gainsay");
}

/** Layout of a data folder. */
export function pathsOf(home: string): Paths {
  const root = path.resolve(home);
  return {
    home: root,
    configFile: path.join(root, "config.json"),
    keys: path.join(root, "keys"),
    bundles: path.join(root, "bundles"),
    deployments: path.join(root, "deployments"),
    jobs: path.join(root, "jobs"),
    transactions: path.join(root, "transactions"),
    devnet: path.join(root, "devnet"),
  };
}

/** Layout of the folder of one executor or watcher. `name` tells several of one kind in the same home apart. */
export function daemonPaths(home: string, kind: "executor" | "watcher", name = "default"): DaemonPaths {
  const folder = path.join(path.resolve(home), kind, name);
  return { folder, identityFile: path.join(folder, "identity.key"), data: path.join(folder, "data"), graphs: path.join(folder, "graphs") };
}

/** Folder of what one account has under way on one chain. */
export function transactionsFolder({ transactions }: Paths, chainId: number, account: string): string {
  return path.join(transactions, `${chainId}-${account.toLowerCase()}`);
}
