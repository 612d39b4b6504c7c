import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/**
 * `npm run nat`: what a machine behind NAT can do, in network namespaces with real address translation (root on Linux with iproute2 and
 * iptables): a relay and an asker with public addresses, and two homes behind routers of their own that let nobody in.
 */
const spaces = ["net", "relay", "asker", "router1", "router2", "home1", "home2"] as const;
type Space = (typeof spaces)[number];
const nameOf = (space: Space): string => `gnat-${space}`;

function sh(...words: string[]): void {
  const { status, stderr } = spawnSync(words[0] as string, words.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}
const inside = (space: Space, ...words: string[]): void => sh("ip", "netns", "exec", nameOf(space), ...words);

function remove(): void {
  for (const space of spaces) spawnSync("ip", ["netns", "del", nameOf(space)], { stdio: "ignore" });
}

/** A cable between two namespaces; the second end gets the address. */
function cable(from: Space, to: Space, address: string, port: string): void {
  const [a, b] = [`${port}a`, `${port}b`];
  sh("ip", "link", "add", a, "netns", nameOf(from), "type", "veth", "peer", "name", b, "netns", nameOf(to));
  inside(from, "ip", "link", "set", a, "up");
  inside(to, "ip", "addr", "add", address, "dev", b);
  inside(to, "ip", "link", "set", b, "up");
  if (from === "net") inside(from, "ip", "link", "set", a, "master", "public");
}

/** Public addresses are of a range that programs take for public ones; nothing of it leaves the namespaces. */
function setUp(): void {
  remove();
  for (const space of spaces) {
    sh("ip", "netns", "add", nameOf(space));
    inside(space, "ip", "link", "set", "lo", "up");
  }
  inside("net", "ip", "link", "add", "public", "type", "bridge");
  inside("net", "ip", "link", "set", "public", "up");
  cable("net", "relay", "5.5.5.2/24", "relay");
  cable("net", "asker", "5.5.5.3/24", "asker");
  for (const i of [1, 2] as const) {
    const [router, home] = [`router${i}`, `home${i}`] as const;
    cable("net", router, `5.5.5.${10 + i}/24`, `out${i}`);
    cable(router, home, `10.${i}.0.2/24`, `in${i}`);
    inside(router, "ip", "addr", "add", `10.${i}.0.1/24`, "dev", `in${i}a`);
    inside(home, "ip", "route", "add", "default", "via", `10.${i}.0.1`);
    inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    inside(router, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", `out${i}b`, "-j", "MASQUERADE");
    inside(router, "iptables", "-A", "FORWARD", "-i", `out${i}b`, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT");
    inside(router, "iptables", "-A", "FORWARD", "-i", `out${i}b`, "-j", "DROP");
    inside(router, "iptables", "-A", "INPUT", "-i", `out${i}b`, "-j", "DROP");
  }
}

interface Node {
  peer: string;
  addresses: string[];
  /** Log messages that the program has for people, with their fields. */
  logs: Record<string, unknown>[];
  ask(line: string): Promise<Record<string, unknown>>;
  child: ChildProcess;
}

async function startNode(space: Space, options: object): Promise<Node> {
  const child = spawn("ip", ["netns", "exec", nameOf(space), process.execPath, path.join(import.meta.dirname, "nat", "natNode.ts"), JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const logs: Record<string, unknown>[] = [];
  const waiting: ((line: Record<string, unknown>) => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    if ("log" in line) logs.push(line);
    else waiting.shift()?.(line);
  });
  const next = (): Promise<Record<string, unknown>> => new Promise((resolve) => waiting.push(resolve));
  const ready = await next();
  return { child, logs, peer: String(ready["ready"]), addresses: ready["addresses"] as string[], ask: (line) => (child.stdin.write(`${line}\n`), next()) };
}

async function relayedAddress(node: Node): Promise<string> {
  for (let tries = 0; tries < 60; tries++) {
    const found = ((await node.ask("?"))["addresses"] as string[]).find((address) => address.includes("/p2p-circuit"));
    if (found !== undefined) return found;
    await pause(500);
  }
  throw new Error("no place at the relay");
}

const nodes: Node[] = [];
const open = async (space: Space, options: object): Promise<Node> => {
  const node = await startNode(space, options);
  nodes.push(node);
  return node;
};
try {
  setUp();
  const relay = await open("relay", { listen: ["/ip4/5.5.5.2/tcp/4001"], relay: true });
  const home = { nat: true, bootstrap: relay.addresses };
  const home1 = await open("home1", { ...home, listen: ["/ip4/10.1.0.2/tcp/4001"] });
  const asker = await open("asker", { listen: ["/ip4/5.5.5.3/tcp/4001"] });
  const home2 = await open("home2", { ...home, listen: ["/ip4/10.2.0.2/tcp/4001"] });
  const address = await relayedAddress(home1);
  const results: Record<string, unknown> = { "place at the relay": address };
  for (const [name, from] of [["asked by a node with a public address", asker], ["asked from behind another NAT", home2]] as const) {
    const first = await from.ask(address);
    // Three tries of five seconds each.
    await pause(20_000);
    const direct = [...home1.logs, ...from.logs].some(({ log, peer }) => log === "direct connection in place of the relayed one" && (peer === from.peer || peer === home1.peer));
    results[name] = { relayed: first, direct, again: await from.ask(address) };
  }
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
} finally {
  for (const { child } of nodes) child.kill();
  await Promise.all(nodes.map(({ child }) => (child.exitCode === null ? new Promise((resolve) => child.once("close", resolve)) : undefined)));
  remove();
}
