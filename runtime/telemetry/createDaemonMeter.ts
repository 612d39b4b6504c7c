import { statfs } from "node:fs/promises";
import type { Address } from "viem";
import { getTokenBalance } from "../chain/approvePayment.ts";
import type { Chain, Head } from "../chain/createChain.ts";
import { getAsset } from "../chain/reads/getAsset.ts";
import { getBalance } from "../chain/reads/getBalance.ts";
import { getStakeAccount } from "../chain/reads/getStakeAccount.ts";
import { jobStatuses, type Dispute, type Job, type StakeAccount } from "../chain/types.ts";
import { isDefendersTurn } from "../disputes/defendDispute.ts";
import type { Ledger } from "../ledger/createLedger.ts";
import type { Network } from "../network/createNetwork.ts";
import { WIRE_VERSION } from "../network/wireVersion.ts";
import type { TraceStore } from "../traces/createTraceStore.ts";
import type { Logger } from "./createLogger.ts";
import type { Metrics } from "./createMetrics.ts";

/** Seconds for which the chain may stand still, or this daemon's view of it, before the daemon is not ready. */
const STALE_SECONDS = 120;
/** Bytes free on the disk below which no trace of a size worth the name can be stored. */
const FULL_BYTES = 100e6;

export interface DaemonMeterSources {
  chain: Chain;
  ledger: Pick<Ledger, "jobs" | "disputes">;
  network: Pick<Network, "peers" | "newestWire">;
  traces: Pick<TraceStore, "list">;
  /** Of which stake, balance and clocks are shown; undefined without a key. */
  account?: Address | undefined;
  dataFolder: string;
  /** Bytes of `--max-disk`. */
  maxDisk?: number | undefined;
  logger: Logger;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** What a daemon shows of itself. */
export interface DaemonMeter {
  /** To be called for each head that the daemon has worked on. */
  look(head: Head): void;
  /** Brings the gauges up to date; a source that does not answer leaves NaN, never an old value. */
  measure(): Promise<void>;
  ready(): { ready: boolean; reasons?: string[] };
  status(): Promise<Record<string, unknown>>;
}

/** Seconds left on each running clock on which the account must move, shortest first. */
export function ownClocks(disputes: Iterable<Dispute>, jobs: ReadonlyMap<bigint, Job>, account: Address | undefined, now: number): { disputeId: bigint; seconds: number }[] {
  const mine = account?.toLowerCase();
  const clocks: { disputeId: bigint; seconds: number }[] = [];
  for (const dispute of disputes) {
    if (dispute.phase === "ended" || mine === undefined) continue;
    const mover = isDefendersTurn(dispute) ? jobs.get(dispute.jobId)?.executor : dispute.challenger;
    if (mover?.toLowerCase() === mine) clocks.push({ disputeId: dispute.id, seconds: dispute.deadline - now });
  }
  return clocks.sort((a, b) => a.seconds - b.seconds);
}

/** Registers the metrics that both daemons have, and measures them when they are asked for. */
export function createDaemonMeter(metrics: Metrics, sources: DaemonMeterSources): DaemonMeter {
  const { chain, ledger, network, traces, account, logger, now = Date.now } = sources;
  const gauges = {
    peers: metrics.gauge("peers", "Connected peers."),
    behind: metrics.gauge("wire_versions_behind", "By how many versions of the wire formats this program is behind its peers."),
    jobs: metrics.gauge("jobs", "Jobs that can still change, by status.", ["status"]),
    disputes: metrics.gauge("disputes_open", "Disputes that have not ended; side is own, against (this account's commitment) or other.", ["side"]),
    clock: metrics.gauge("shortest_clock_seconds", "Seconds left on the shortest running clock on which this account must move; NaN without one."),
    atRisk: metrics.gauge("stake_at_risk_units", "Collateral of this account's commitments that are disputed now."),
    bonds: metrics.gauge("bonds_at_stake_units", "Bonds of this account's open disputes."),
    stakeFree: metrics.gauge("stake_free_units", "Free stake of this account."),
    stakeLocked: metrics.gauge("stake_locked_units", "Stake locked as collateral."),
    credits: metrics.gauge("credits_units", "What this account can collect."),
    balance: metrics.gauge("balance_wei", "Ether that this account holds outside the contracts, for gas."),
    tokens: metrics.gauge("token_balance_units", "What this account holds of the deployment's token outside the contracts; NaN where it is paid in ether."),
    assetUnits: metrics.gauge("asset_units", "Smallest units in one whole coin of what the deployment pays in; symbol and token name it.", ["symbol", "token"]),
    headAge: metrics.gauge("chain_head_age_seconds", "Age of the newest block that the endpoints serve."),
    lookAge: metrics.gauge("last_look_age_seconds", "Seconds since this daemon last worked on a new head."),
    endpointAge: metrics.gauge("rpc_endpoint_head_age_seconds", "Age of the newest block of one RPC endpoint.", ["endpoint"]),
    endpointUp: metrics.gauge("rpc_endpoint_healthy", "1 if an RPC endpoint answers and its head is not behind; 0 otherwise.", ["endpoint"]),
    traceBytes: metrics.gauge("traces_bytes", "Bytes of all stored traces."),
    traceLimit: metrics.gauge("traces_limit_bytes", "Bytes that stored traces may take (--max-disk); +Inf without a limit."),
    diskFree: metrics.gauge("disk_free_bytes", "Bytes free on the disk of the data folder."),
  };
  const started = now();
  let last: { head: Head; at: number } | undefined;
  let free = Number.NaN;

  const mine = account?.toLowerCase();
  const isMine = (job: Job | undefined): boolean => mine !== undefined && job?.executor?.toLowerCase() === mine;
  const sideOf = (dispute: Dispute): "own" | "against" | "other" => (mine !== undefined && dispute.challenger.toLowerCase() === mine ? "own" : isMine(ledger.jobs.get(dispute.jobId)) ? "against" : "other");
  const open = (): Dispute[] => [...ledger.disputes.values()].filter(({ phase }) => phase !== "ended");
  const usedBytes = (): number => traces.list().reduce((sum, { bytes }) => sum + bytes, 0);
  const lookAge = (): number => (now() - (last?.at ?? started)) / 1000;

  /** Money as Prometheus has it: a float, exact to 15 digits. */
  const money = (units: bigint | undefined): number => (units === undefined ? Number.NaN : Number(units));

  const measureAccount = async (): Promise<void> => {
    let stake: StakeAccount | undefined;
    let balance: bigint | undefined;
    let tokens: bigint | undefined;
    try {
      const asset = await getAsset(chain);
      gauges.assetUnits.set({ symbol: asset.symbol, token: asset.token ?? "" }, 10 ** asset.decimals);
      if (account !== undefined) [stake, balance] = await Promise.all([getStakeAccount(chain, account), getBalance(chain, account)]);
      if (account !== undefined && asset.token !== undefined) tokens = await getTokenBalance(chain, account);
    } catch (error) {
      logger.debug({ error }, "account could not be measured");
    }
    gauges.stakeFree.set(money(stake?.free));
    gauges.stakeLocked.set(money(stake?.locked));
    gauges.credits.set(money(stake?.credits));
    gauges.balance.set(money(balance));
    gauges.tokens.set(money(tokens));
  };

  const measureDisk = async (): Promise<void> => {
    const stats = await statfs(sources.dataFolder).catch(() => undefined);
    free = stats === undefined ? Number.NaN : stats.bavail * stats.bsize;
    gauges.diskFree.set(free);
    gauges.traceBytes.set(usedBytes());
    gauges.traceLimit.set(sources.maxDisk ?? Infinity);
  };

  const measureLedger = (): void => {
    const counts = Object.fromEntries(jobStatuses.slice(1).map((status) => [status, 0]));
    for (const { status } of ledger.jobs.values()) counts[status] = (counts[status] ?? 0) + 1;
    for (const [status, count] of Object.entries(counts)) gauges.jobs.set({ status }, count);
    const sides = { own: 0, against: 0, other: 0 };
    let bonds = 0n;
    const disputed = new Map<bigint, bigint>();
    for (const dispute of open()) {
      const side = sideOf(dispute);
      sides[side]++;
      if (side === "own") bonds += dispute.bond;
      const job = ledger.jobs.get(dispute.jobId);
      if (side === "against" && job?.status === "committed" && job.attempt === dispute.attempt) disputed.set(job.id, job.collateral);
    }
    for (const [side, count] of Object.entries(sides)) gauges.disputes.set({ side }, count);
    gauges.bonds.set(money(bonds));
    gauges.atRisk.set(money([...disputed.values()].reduce((sum, collateral) => sum + collateral, 0n)));
    gauges.clock.set(ownClocks(ledger.disputes.values(), ledger.jobs, account, last?.head.timestamp ?? Math.floor(now() / 1000))[0]?.seconds ?? Number.NaN);
  };

  return {
    look: (head) => void (last = { head, at: now() }),
    async measure() {
      gauges.peers.set(network.peers().length);
      gauges.behind.set(network.newestWire() - WIRE_VERSION);
      measureLedger();
      gauges.lookAge.set(lookAge());
      const [age] = await Promise.all([chain.headAge().catch(() => Number.NaN), measureAccount(), measureDisk()]);
      gauges.headAge.set(age);
      for (const { endpoint, healthy, headAgeSeconds } of chain.endpoints()) {
        gauges.endpointUp.set({ endpoint }, healthy ? 1 : 0);
        gauges.endpointAge.set({ endpoint }, headAgeSeconds ?? Number.NaN);
      }
    },
    ready() {
      const reasons: string[] = [];
      if (last === undefined) reasons.push("the chain has not been read yet");
      else if (lookAge() > STALE_SECONDS) reasons.push(`no new block for ${Math.round(lookAge())} s`);
      if (free < FULL_BYTES) reasons.push(`${Math.round(free / 1e6)} MB free on the disk of the data folder`);
      return reasons.length === 0 ? { ready: true } : { ready: false, reasons };
    },
    async status() {
      const timestamp = last?.head.timestamp ?? Math.floor(now() / 1000);
      const asset = await getAsset(chain).catch(() => null);
      const stake = account === undefined ? null : await getStakeAccount(chain, account).catch(() => null);
      return {
        account: account ?? null,
        head: last === undefined ? null : { ...last.head, lookedSecondsAgo: Math.round(lookAge()) },
        peers: network.peers(),
        endpoints: chain.endpoints(),
        asset,
        stake,
        clocks: ownClocks(ledger.disputes.values(), ledger.jobs, account, timestamp),
        disk: { tracesBytes: usedBytes(), limitBytes: sources.maxDisk ?? null, freeBytes: Number.isNaN(free) ? null : free },
        jobs: [...ledger.jobs.values()],
        disputes: [...ledger.disputes.values()],
      };
    },
  };
}
