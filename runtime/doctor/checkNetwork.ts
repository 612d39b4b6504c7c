import { createServer } from "node:net";
import { parseAddress } from "../network/addresses.ts";
import type { Network } from "../network/createNetwork.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Whether the addresses that a daemon would listen on are free. Port 0 always is. */
export async function checkPorts(listen: readonly string[], telemetryPort: number | undefined): Promise<Finding[]> {
  const wanted = listen.flatMap((text) => {
    const parts = Object.fromEntries(parseAddress(text).getComponents().map(({ name, value }) => [name, value]));
    const port = Number(parts["tcp"]);
    return Number.isInteger(port) && port > 0 ? [{ check: `port ${text}`, host: parts["ip4"] ?? parts["ip6"] ?? "0.0.0.0", port, flag: "--listen" }] : [];
  });
  if (telemetryPort !== undefined && telemetryPort > 0) wanted.push({ check: `port ${telemetryPort}`, host: "127.0.0.1", port: telemetryPort, flag: "--telemetry-port" });
  if (wanted.length === 0) return [warn("ports", "daemons take a free port at every start", "Give a fixed --listen address, such as /ip4/0.0.0.0/tcp/4001, so that peers find this machine again and a router can forward to it.")];
  return Promise.all(
    wanted.map(async ({ check, host, port, flag }): Promise<Finding> => {
      const code = await listenOnce(host, port);
      if (code === undefined) return ok(check, "free");
      if (code === "EADDRINUSE") return warn(check, "in use", `If the daemon runs already, all is well; otherwise stop what listens there, or choose another one with ${flag}.`);
      return fail(check, `cannot be listened on (${code})`, `Choose an address of this machine, and a port above 1023, with ${flag}.`);
    }),
  );
}

function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Dials every known peer once. The network is started and has no bootstrap peers of its own. */
export async function checkPeers(network: Pick<Network, "ping">, addresses: readonly string[], signal: AbortSignal): Promise<Finding[]> {
  if (addresses.length === 0) return [warn("peers", "no peer is known", "Name one with --bootstrap: without peers, an executor's trace reaches no watcher, and a watcher sees withheld traces only.")];
  const answers = await Promise.allSettled(addresses.map((address) => network.ping(address, { signal })));
  const reached = answers.filter(({ status }) => status === "fulfilled").length;
  const found = `${reached} of ${addresses.length} known addresses answer`;
  if (reached === 0) return [fail("peers", found, "Check this machine's way to the network, and the addresses in --bootstrap.")];
  return [reached < addresses.length ? warn("peers", found, "Take addresses that are gone out of --bootstrap; files of daemons that were killed go away at their next start.") : ok("peers", found)];
}
