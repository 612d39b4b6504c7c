import { spawnSync } from "node:child_process";
import { createServer, connect, type Socket } from "node:net";

/** A network of its own for each daemon, with a cable that can be pulled. */
export interface Links {
  /** Words before a daemon's command line. */
  prefix(name: string): string[];
  /** Address on which the daemon listens for peers; undefined where all share one network. */
  address(name: string): string | undefined;
  /** Where the chain is reached from inside. */
  rpcUrl: string;
  /** Pulls the cable, or puts it back. */
  set(name: string, up: boolean): void;
  readonly real: boolean;
  /** Why no link can be cut here, where that is so. */
  readonly reason?: string;
  close(): Promise<void>;
}

const bridge = "gsoak0";
const host = "10.77.0.1";

function ip(...args: string[]): boolean {
  return spawnSync("ip", args, { stdio: "ignore" }).status === 0;
}

/** Makes a bridge and a network namespace for each name where this machine allows it; elsewhere all share the host's network. */
export async function createLinks(names: readonly string[], rpcUrl: string): Promise<Links> {
  const index = (name: string): number => names.indexOf(name) + 1;
  const remove = (): void => {
    for (const name of names) {
      ip("netns", "del", `gsoak-${index(name)}`);
      ip("link", "del", `gsoakh${index(name)}`);
    }
    ip("link", "del", bridge);
  };
  const setUp = (): boolean => {
    // What an earlier run that was killed has left.
    remove();
    if (!ip("link", "add", bridge, "type", "bridge") || !ip("addr", "add", `${host}/24`, "dev", bridge) || !ip("link", "set", bridge, "up")) return false;
    return names.every((name) => {
      const [space, outer, inner] = [`gsoak-${index(name)}`, `gsoakh${index(name)}`, `gsoakc${index(name)}`];
      const inside = (...args: string[]): boolean => ip("netns", "exec", space, "ip", ...args);
      return (
        ip("netns", "add", space) &&
        ip("link", "add", outer, "type", "veth", "peer", "name", inner) &&
        ip("link", "set", inner, "netns", space) &&
        ip("link", "set", outer, "master", bridge, "up") &&
        inside("addr", "add", `10.77.0.${index(name) + 1}/24`, "dev", inner) &&
        inside("link", "set", inner, "up") &&
        inside("link", "set", "lo", "up")
      );
    });
  };
  if (!setUp()) {
    remove();
    const isAbsent = spawnSync("ip", ["-V"], { stdio: "ignore" }).error !== undefined;
    const reason = isAbsent ? "the command `ip` is absent; install iproute2 (Debian: apt-get install iproute2)" : "network namespaces cannot be made here; they need root on Linux";
    return { reason, prefix: () => [], address: () => undefined, rpcUrl, set: () => undefined, real: false, close: async () => undefined };
  }
  process.once("exit", remove);
  // The chain listens on the host's loopback, which the namespaces do not share.
  const target = new URL(rpcUrl);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    open.add(socket);
    socket.pipe(upstream).pipe(socket);
    socket.on("error", () => upstream.destroy()).on("close", () => open.delete(socket));
    upstream.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(Number(target.port), host, resolve));
  return {
    prefix: (name) => ["ip", "netns", "exec", `gsoak-${index(name)}`],
    address: (name) => `/ip4/10.77.0.${index(name) + 1}/tcp/4001`,
    rpcUrl: `http://${host}:${target.port}`,
    set: (name, up) => void ip("link", "set", `gsoakh${index(name)}`, up ? "up" : "down"),
    real: true,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Whoever was cut off has not said goodbye.
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
