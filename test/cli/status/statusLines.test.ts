import { describe, expect, it } from "vitest";
import { statusLines, type StatusView } from "../../../cli/commands/status/statusLines.ts";
import { ETHER } from "../../../runtime/assets/asset.ts";
import type { Dispute, Job } from "../../../runtime/chain/types.ts";

const account = `0x${"ab".repeat(20)}` as const;
const job = (id: bigint, change: Partial<Job> = {}): Job => ({ id, status: "committed", attempt: 1, openDisputes: 0, deadline: 1_100, requester: account, executor: account, programRoot: `0x${"cd".repeat(32)}`, inputRoot: "0x", traceRoot: "0x", outputRoot: "0x", fee: 10n ** 16n, collateral: 10n ** 18n, claimWindow: 60, deliveryWindow: 60, challengeWindow: 60, expiry: 0, ...change }) as Job;
const dispute = (id: bigint, change: Partial<Dispute> = {}): Dispute => ({ id, jobId: 1n, attempt: 1, phase: "reveal", outcome: "none", turn: 1, turnStart: 990, deadline: 1_060, challengerClock: 60, defenderClock: 60, challenger: account, isDemand: false, bond: 5n * 10n ** 16n, seal: undefined, position: {} as never, ...change }) as Dispute;
const view = (change: Partial<StatusView> = {}): StatusView => ({ chainId: 5, asset: ETHER, head: { number: 9n, hash: "0x", timestamp: 1_000 }, headAgeSeconds: 3, endpoints: [{ endpoint: "http://a", healthy: true }], jobs: [], disputes: [], accounts: [], peers: [], ...change });

describe("statusLines", () => {
  it("says where there is nothing", () => {
    const text = statusLines(view()).join("\n");
    expect(text).toContain("chain 5, block 9, 3 s old");
    expect(text).toContain("no open disputes");
    expect(text).toContain("no jobs at work");
    expect(text).toContain("1 endpoint; 0 peers");
  });

  it("puts the shortest clock first, and leaves ended disputes out", () => {
    const rows = statusLines(view({ disputes: [dispute(1n, { deadline: 1_300 }), dispute(2n), dispute(3n, { phase: "ended" })], jobs: [job(1n)] })).filter((line) => /^\d+ +1\/1 /.test(line));
    expect(rows.map((line) => line[0])).toEqual(["2", "1"]);
    expect(rows[0]).toContain("60 s");
  });

  it("shows jobs at work before those that are over, the newest first, and how many more there are", () => {
    const jobs = [job(1n), job(2n, { status: "final" }), job(3n), job(4n, { status: "open", executor: undefined })];
    const lines = statusLines(view({ jobs }), 3);
    expect(lines.filter((line) => /^\d {2,}\w+ /.test(line)).map((line) => line[0])).toEqual(["4", "3", "1"]);
    expect(lines).toContain("3 jobs at work:");
    expect(lines).toContain("… and 1 more");
  });

  it("names endpoints that are not healthy, and shows accounts", () => {
    const text = statusLines(view({ endpoints: [{ endpoint: "http://a", healthy: true }, { endpoint: "http://b", healthy: false, reason: "its head is behind" }], peers: ["12D3KooWabcdefgh"], accounts: [{ name: "me", address: account, free: 10n ** 18n, locked: 0n, pending: 0n, availableAt: 0, credits: 0n, balance: 2n * 10n ** 18n }] })).join("\n");
    expect(text).toContain("2 endpoints, not healthy: http://b (its head is behind); 1 peer: …abcdefgh");
    expect(text).toMatch(/me +1 ether +0 ether +0 ether +2 ether/);
  });

  it("shows money in what the deployment pays in, and gas money in ether", () => {
    const asset = { symbol: "COIN", decimals: 6, token: account };
    const text = statusLines(view({ asset, jobs: [job(1n, { fee: 20_000n, collateral: 3_000_000n })], disputes: [dispute(1n, { bond: 50_000n })], accounts: [{ name: "me", address: account, free: 1_500_000n, locked: 0n, pending: 0n, availableAt: 0, credits: 0n, balance: 2n * 10n ** 18n, tokenBalance: 7n }] })).join("\n");
    expect(text).toMatch(/0\.02 COIN +3 COIN/);
    expect(text).toMatch(/1\/1 .* 0\.05 COIN/);
    expect(text).toContain("COIN held");
    expect(text).toMatch(/me +1\.5 COIN +0 COIN +0 COIN +0\.000007 COIN +2 ether/);
  });
});
