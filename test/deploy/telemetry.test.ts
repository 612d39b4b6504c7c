import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Address } from "viem";
import { createExecutor, type ExecutorDependencies } from "../../node/createExecutor.ts";
import type { Chain } from "../../runtime/chain/createChain.ts";
import { createBudget } from "../../runtime/chain/createBudget.ts";
import { createSender } from "../../runtime/chain/createSender.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { createDaemonMeter } from "../../runtime/telemetry/createDaemonMeter.ts";
import { createMetrics } from "../../runtime/telemetry/createMetrics.ts";
import { createWatcherMeter } from "../../watcher/createWatcherMeter.ts";
import { temporaryFolder } from "../cli/helpers.ts";

const deploy = path.join(import.meta.dirname, "..", "..", "deploy");
const read = (name: string): string => readFileSync(path.join(deploy, name), "utf8");
const account = `0x${"aa".repeat(20)}` as Address;

/** Names of all metrics that the two daemons register, with the suffixes of histograms. */
async function exported(): Promise<Set<string>> {
  const { folder, remove } = temporaryFolder();
  const metrics = createMetrics();
  const logger = silentLogger();
  const chain = { endpoints: () => [], headAge: async () => 0, deployment: { contracts: {} } } as unknown as Chain;
  createDaemonMeter(metrics, { chain, ledger: { jobs: new Map(), disputes: new Map() }, network: { peers: () => [], newestWire: () => 1 }, traces: { list: () => [] }, account, dataFolder: folder, logger });
  createWatcherMeter(metrics);
  const sender = createSender({ account: { address: account } as never, chain }, { logger, metrics });
  await createBudget(sender, { perDay: 1n, gasPerDay: 1n, file: path.join(folder, "spending.json") }, { logger, metrics });
  createExecutor({ programs: [], minFee: 0n, maxCollateral: 0n, claimDelaySeconds: 0, retainSeconds: 0, concurrency: 1 }, { chain, sender, logger, metrics, network: {}, ledger: {}, traces: {} } as unknown as ExecutorDependencies);
  remove();
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(types.flatMap(([, name = "", type]) => (type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => name + suffix) : [name])));
}

const named = (text: string): string[] => [...new Set(text.match(/\bgainsay_[a-z0-9_]+/g) ?? [])];

describe("deploy", () => {
  it.each(["prometheus/alerts.yml", "grafana/dashboard.json"])("%s names only metrics that the daemons export", async (file) => {
    const names = named(read(file));
    expect(names.length).toBeGreaterThan(10);
    const known = await exported();
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it("the alerts speak of everything that can cost money", () => {
    const names = named(read("prometheus/alerts.yml"));
    for (const metric of ["shortest_clock_seconds", "stake_at_risk_units", "jobs_unverified", "opinions_total", "chain_head_age_seconds", "peers", "disk_free_bytes"]) expect(names).toContain(`gainsay_${metric}`);
  });

  it("every alert has an expression, a severity and a summary, and is described to operators", () => {
    const rules = read("prometheus/alerts.yml").split(/^ {6}- alert: /m).slice(1);
    expect(rules.length).toBeGreaterThan(10);
    const page = readFileSync(path.join(deploy, "..", "docs", "operations.md"), "utf8");
    for (const rule of rules) {
      expect(rule).toMatch(/^\w+\n {8}expr: \S.*\n(?: {8}for: \d+m\n)? {8}labels: \{ severity: (page|ticket) \}\n {8}annotations:\n {10}summary: "[^"]+"\n/);
      expect(page).toContain(`\`${rule.split("\n", 1)[0]}\``);
    }
  });

  it("the dashboard has a query and a place for every panel", () => {
    const { panels } = JSON.parse(read("grafana/dashboard.json")) as { panels: { id: number; title: string; targets: { expr: string }[]; gridPos: { x: number; y: number; w: number; h: number } }[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets, gridPos } of panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect([...expr].filter((c) => c === "(").length, expr).toBe([...expr].filter((c) => c === ")").length);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });
});
