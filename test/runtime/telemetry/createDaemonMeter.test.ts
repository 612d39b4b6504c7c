import { describe, expect, it } from "vitest";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import type { Dispute, Job } from "../../../runtime/chain/types.ts";
import { createDaemonMeter, ownClocks } from "../../../runtime/telemetry/createDaemonMeter.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createMetrics } from "../../../runtime/telemetry/createMetrics.ts";

const me = "0x00000000000000000000000000000000000000AA" as const;
const other = "0x00000000000000000000000000000000000000bb" as const;
const job = (id: bigint, change: Partial<Job> = {}): [bigint, Job] => [id, { id, status: "committed", attempt: 1, executor: me, collateral: 3n, deadline: 2_000, ...change } as Job];
const dispute = (id: bigint, change: Partial<Dispute> = {}): [bigint, Dispute] => [id, { id, jobId: 1n, attempt: 1, phase: "reveal", challenger: other, deadline: 1_500, bond: 7n, ...change } as Dispute];

const chain = { deployment: {}, endpoints: () => [{ endpoint: "http://a", healthy: false, headAgeSeconds: 5, reason: "x" }], headAge: async () => 4, client: { getBalance: () => Promise.reject(new Error("away")) } } as unknown as Chain;

function meterOf(jobs: Map<bigint, Job>, disputes: Map<bigint, Dispute>, clock: { now: number }) {
  const metrics = createMetrics({ process: false });
  const meter = createDaemonMeter(metrics, { chain, ledger: { jobs, disputes }, network: { peers: () => ["p"], newestWire: () => 2 }, traces: { list: () => [{ bytes: 11 }, { bytes: 31 }] as never }, account: me, dataFolder: import.meta.dirname, maxDisk: 100, logger: silentLogger(), now: () => clock.now });
  const value = async (name: string): Promise<number> => {
    await meter.measure();
    const line = (await metrics.text()).split("\n").find((text) => text.startsWith(`gainsay_${name} `));
    return Number((line ?? "").split(" ").at(-1)?.replace("Nan", "NaN"));
  };
  return { meter, value };
}

describe("createDaemonMeter", () => {
  it("shows the shortest clock on which this account must move", async () => {
    const jobs = new Map([job(1n), job(2n, { executor: other })]);
    const mine = [dispute(1n), dispute(2n, { deadline: 1_400 }), dispute(3n, { phase: "choose", deadline: 1_100 }), dispute(4n, { jobId: 2n, phase: "choose", challenger: me, deadline: 1_300 }), dispute(5n, { phase: "ended", deadline: 0 })];
    expect(ownClocks(new Map(mine).values(), jobs, me, 1_000)).toEqual([{ disputeId: 4n, seconds: 300 }, { disputeId: 2n, seconds: 400 }, { disputeId: 1n, seconds: 500 }]);
    expect(ownClocks(new Map(mine).values(), jobs, undefined, 1_000)).toEqual([]);
    const { meter, value } = meterOf(jobs, new Map(mine), { now: 1_000_000 });
    meter.look({ number: 1n, hash: "0x", timestamp: 1_250 });
    expect(await value("shortest_clock_seconds")).toBe(50);
  });

  it("counts collateral at risk once for each commitment, and bonds of own disputes", async () => {
    const jobs = new Map([job(1n), job(2n, { executor: other })]);
    const { value } = meterOf(jobs, new Map([dispute(1n), dispute(2n), dispute(3n, { jobId: 2n, challenger: me }), dispute(4n, { attempt: 0 }), dispute(5n, { phase: "ended" })]), { now: 0 });
    expect(await value("stake_at_risk_units")).toBe(3);
    expect(await value("bonds_at_stake_units")).toBe(7);
    expect(await value('disputes_open{side="against"}')).toBe(3);
    expect(await value('jobs{status="committed"}')).toBe(2);
    expect(await value("traces_bytes")).toBe(42);
    expect(await value("wire_versions_behind")).toBe(1);
    expect(await value('rpc_endpoint_healthy{endpoint="http://a"}')).toBe(0);
  });

  it("shows nothing where a source does not answer, never an old number", async () => {
    const { value } = meterOf(new Map(), new Map(), { now: 0 });
    expect(await value("balance_wei")).toBeNaN();
    expect(await value("shortest_clock_seconds")).toBeNaN();
  });

  it("is ready once the chain has been read, and not when that was long ago", () => {
    const clock = { now: 0 };
    const { meter } = meterOf(new Map(), new Map(), clock);
    expect(meter.ready()).toEqual({ ready: false, reasons: ["the chain has not been read yet"] });
    meter.look({ number: 1n, hash: "0x", timestamp: 0 });
    expect(meter.ready()).toEqual({ ready: true });
    clock.now = 121_000;
    expect(meter.ready()).toEqual({ ready: false, reasons: ["no new block for 121 s"] });
  });
});
