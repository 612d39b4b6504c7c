import { ETHER, formatAmount, type Asset } from "../../../runtime/assets/asset.ts";
import type { Head } from "../../../runtime/chain/createChain.ts";
import type { EndpointHealth } from "../../../runtime/chain/createEndpoints.ts";
import type { Dispute, Job, StakeAccount } from "../../../runtime/chain/types.ts";
import { clocksOf, pathOf, phaseText } from "../../describeDispute.ts";
import { table } from "../../output.ts";
import { short, span, time } from "../../parse.ts";
import { stateText, waitText } from "../../waitForJob.ts";

export interface StatusAccount extends StakeAccount {
  name: string;
  address: string;
  /** wei, for gas. */
  balance: bigint;
  /** Of the deployment's token; undefined where it is paid in ether. */
  tokenBalance?: bigint | undefined;
}

/** What the view shows at one head. */
export interface StatusView {
  chainId: number;
  /** What stakes, fees and bonds are paid in. */
  asset: Asset;
  head: Head;
  headAgeSeconds: number;
  endpoints: readonly EndpointHealth[];
  /** Jobs and disputes that are not over, and those that ended a short while ago. */
  jobs: readonly Job[];
  disputes: readonly Dispute[];
  accounts: readonly StatusAccount[];
  peers: readonly string[];
}

/** The view as lines, with at most `rows` jobs and disputes each; the shortest clocks stand first. */
export function statusLines(view: StatusView, rows = 20): string[] {
  const now = view.head.timestamp;
  const money = (units: bigint): string => formatAmount(units, view.asset);
  const open = view.disputes.filter(({ phase }) => phase !== "ended").sort((a, b) => a.deadline - b.deadline);
  const jobs = [...view.jobs].sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || (a.id < b.id ? 1 : -1));
  const unhealthy = view.endpoints.filter(({ healthy }) => !healthy);
  const counted = (items: readonly unknown[], one: string, many: string): string => `${items.length} ${items.length === 1 ? one : many}`;
  const lines = [
    `chain ${view.chainId}, block ${view.head.number}, ${span(view.headAgeSeconds)} old (${time(now)})`,
    `${counted(view.endpoints, "endpoint", "endpoints")}${unhealthy.length === 0 ? "" : `, not healthy: ${unhealthy.map(({ endpoint, reason }) => `${endpoint} (${reason ?? "unknown"})`).join(", ")}`}; ${counted(view.peers, "peer", "peers")}${view.peers.length === 0 ? "" : `: ${view.peers.slice(0, 4).map((peer) => `…${peer.slice(-8)}`).join(" ")}${view.peers.length > 4 ? " …" : ""}`}`,
    "",
    open.length === 0 ? "no open disputes" : `${counted(open, "open dispute", "open disputes")}:`,
    ...(open.length === 0 ? [] : table(["dispute", "job", "path", "challenger", "at stake", "state"], open.slice(0, rows).map((dispute) => [String(dispute.id), `${dispute.jobId}/${dispute.attempt}`, pathOf(dispute), short(dispute.challenger), money(dispute.bond), phaseText(dispute, clocksOf(dispute, now))]))),
    "",
    jobs.length === 0 ? "no jobs at work" : `${counted(jobs.filter((job) => !isOver(job)), "job", "jobs")} at work:`,
    ...(jobs.length === 0 ? [] : table(["job", "status", "next", "program", "executor", "fee", "collateral"], jobs.slice(0, rows).map((job) => [String(job.id), stateText(job), waitText(job, now), short(job.programRoot), job.executor === undefined ? "–" : short(job.executor), money(job.fee), money(job.collateral)]))),
    ...(jobs.length > rows ? [`… and ${jobs.length - rows} more`] : []),
  ];
  if (view.accounts.length > 0) {
    const tokens = view.asset.token === undefined ? [] : [`${view.asset.symbol} held`];
    lines.push(
      "",
      ...table(
        ["account", "free stake", "locked", "to collect", ...tokens, "balance"],
        view.accounts.map(({ name, free, locked, credits, balance, tokenBalance }) => [name, money(free), money(locked), money(credits), ...tokens.map(() => money(tokenBalance ?? 0n)), formatAmount(balance, ETHER)]),
      ),
    );
  }
  return lines;
}

function isOver({ status }: Job): boolean {
  return status === "final" || status === "cancelled";
}
