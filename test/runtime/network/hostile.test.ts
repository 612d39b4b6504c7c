import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Network } from "../../../runtime/network/createNetwork.ts";
import { topics } from "../../../runtime/network/topics.ts";
import { alert, attacksOn, mebibyte } from "./attacks.ts";
import { startNetwork } from "./helpers.ts";

/** How much more of everything than in an ordinary run. */
const force = Number(process.env["GAINSAY_HOSTILE"] ?? 1);
/** Of the victim's JavaScript heap: a leak of any of these floods would end its process. */
const HEAP_MIB = 96;
/** Growth of everything together, from the first honest message to the end. */
const MAX_GROWTH = 160 * mebibyte;

interface Victim {
  child: ChildProcess;
  address: string;
  peer: string;
  heard: Set<number>;
  memory(): Promise<{ rss: number; heapUsed: number; peers: number }>;
}

let victim: Victim;

beforeAll(async () => {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MIB}`, "--expose-gc", path.join(import.meta.dirname, "hostileVictim.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const heard = new Set<number>();
  const waiting: ((line: never) => void)[] = [];
  const started = new Promise<{ address: string; peer: string }>((resolve) => waiting.push(resolve));
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as { heard?: number };
    if (line.heard !== undefined) heard.add(line.heard);
    else waiting.shift()?.(line as never);
  });
  victim = { child, heard, ...(await started), memory: () => new Promise((resolve) => (waiting.push(resolve), child.stdin.write("?\n"))) };
});
afterAll(() => void victim.child.kill());

let nextJob = 1;
/** An honest peer's message must get through within the deadline, whatever else the victim is busy with. */
async function stillHears(polite: Network): Promise<void> {
  const jobId = nextJob++;
  const end = Date.now() + 10_000;
  while (!victim.heard.has(jobId)) {
    if (Date.now() > end) throw new Error(`the honest message ${jobId} was not heard`);
    await polite.gossip.publish(topics.alerts, alert(jobId));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("hostile peers", () => {
  const closing: (() => void)[] = [];
  afterAll(() => closing.forEach((close) => close()));

  it("do not keep honest ones from being heard, nor make the node outgrow its memory", { timeout: 600_000 }, async () => {
    const polite = await startNetwork();
    await polite.dial(victim.address);
    await stillHears(polite);
    const before = await victim.memory();
    for (const [what, attack] of attacksOn(victim.address, force, closing)) {
      await attack();
      expect(victim.child.exitCode, what).toBeNull();
      await stillHears(polite).catch((error: unknown) => {
        throw new Error(`after strangers ${what}: ${String(error)}`);
      });
      const { rss } = await victim.memory();
      expect(rss - before.rss, `bytes grown after strangers ${what}`).toBeLessThan(MAX_GROWTH);
    }
  });
});
