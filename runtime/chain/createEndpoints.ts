import { setTimeout as delay } from "node:timers/promises";
import { custom, type Transport } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { isRateLimited, isUnreachable, reasonOf } from "./chainError.ts";
import { compareLogs } from "./compareLogs.ts";
import { createEndpoint, endpointName } from "./createTransport.ts";

export interface EndpointsOptions {
  /** JSON-RPC over HTTP, in order of preference. */
  rpcUrls: readonly string[];
  /** Milliseconds for one request. Default 10 000. */
  timeoutMs?: number;
  /** Further rounds of a request that no endpoint answered. Default 2. */
  retries?: number;
  /** Milliseconds between looks at the heads of all endpoints, where there are several. Default 5000. */
  probeIntervalMs?: number;
  /** Milliseconds between comparisons of their logs. Default 30 000. */
  compareIntervalMs?: number;
}

/** How one endpoint does. */
export interface EndpointHealth {
  /** Scheme, host and port. */
  endpoint: string;
  /** It answers, its head is not behind the best one's, and it is on the same chain as most. */
  healthy: boolean;
  headNumber?: number;
  /** Seconds from its newest block's timestamp to this machine's clock, at the last look. */
  headAgeSeconds?: number;
  /** Why it is not healthy. */
  reason?: string;
}

export interface Endpoints {
  transport: Transport;
  health(): EndpointHealth[];
  /** Whoever gave the last logs left some out that must exist; others are asked first for a while. */
  doubtLogs(): void;
}

interface State {
  name: string;
  request: (call: { method: string; params?: unknown }) => Promise<unknown>;
  failures: number;
  /** Not asked before this time, unless all others fail too. */
  restUntil: number;
  /** Leaves out logs, as far as was seen, and is asked last before this time. */
  doubtedUntil: number;
  head?: { number: number; timestamp: number };
  reason?: string;
}

/** Seconds by which an endpoint's head may be older than the freshest one's: three of the slowest common block times. */
const LAG_SECONDS = 45;
/** Seconds by which a head may be ahead of this machine's clock; more is a lie, or a wrong clock here. */
const FUTURE_SECONDS = 900;
/** Blocks below the lowest head at which endpoints are compared: deep enough to be past ordinary reorganisations. */
const COMMON_DEPTH = 8;
/** Blocks of one comparison of logs. */
const COMPARED_BLOCKS = 256;
/** Milliseconds for which an endpoint that left out logs is asked last. */
const DOUBT_MS = 600_000;
const REST_MS = 1_000;
const MAX_REST_MS = 60_000;

/**
 * Several endpoints as one. Each request goes to the first healthy one in the given order; one that does not answer, is rate-limited or lacks the
 * block rests for a growing time, and the next one is asked. Heads are compared by the age of their blocks, not by their numbers, which
 * cost a liar nothing; an endpoint whose block at a common height differs from that of most is left out. Logs are the one answer that can lack something
 * without being wrong, so those of settled blocks are compared now and then, and one that leaves some out is asked last.
 */
export function createEndpoints(options: EndpointsOptions, { logger, now = Date.now }: { logger: Logger; now?: () => number }): Endpoints {
  const { retries = 2, probeIntervalMs = 5_000, compareIntervalMs = 30_000 } = options;
  const states = options.rpcUrls.map((url): State => ({ name: endpointName(url), request: createEndpoint(url, { ...options, retries: 0 })({}).request as State["request"], failures: 0, restUntil: 0, doubtedUntil: 0 }));
  const several = states.length > 1;
  let probedAt = -Infinity;
  let probing: Promise<void> | undefined;
  /** Who gave the last logs, and of which contracts they were. */
  let logs: { from: State; address: unknown } | undefined;
  let comparedAt = -Infinity;
  let comparedTo = -1;

  const ageOf = ({ head }: State): number | undefined => (head === undefined ? undefined : now() / 1000 - head.timestamp);
  const plausible = (state: State): boolean => (ageOf(state) ?? 0) > -FUTURE_SECONDS;

  const isHealthy = (state: State): boolean => {
    if (state.restUntil > now() || state.doubtedUntil > now() || state.reason !== undefined) return false;
    return !isLagging(state);
  };

  const isLagging = (state: State): boolean => {
    const timestamps = states.filter((other) => other.head !== undefined && plausible(other) && other.reason === undefined).map((other) => other.head?.timestamp ?? 0);
    return !plausible(state) || (state.head !== undefined && state.head.timestamp + LAG_SECONDS < Math.max(...timestamps));
  };

  const failed = (state: State, error: unknown): void => {
    state.failures++;
    state.restUntil = now() + Math.min(REST_MS * 2 ** (state.failures - 1), MAX_REST_MS);
    if (several) logger.warn({ endpoint: state.name, failures: state.failures, reason: reasonOf(error) }, "RPC endpoint rests");
  };

  const ask = async (state: State, method: string, params: unknown): Promise<unknown> => {
    const answer = await state.request({ method, params });
    state.failures = 0;
    state.restUntil = 0;
    if (method === "eth_getBlockByNumber" && Array.isArray(params) && params[0] === "latest") note(state, answer);
    if (method === "eth_getLogs" && Array.isArray(params)) logs = { from: state, address: (params[0] as { address?: unknown } | undefined)?.address };
    return answer;
  };

  const note = (state: State, block: unknown): void => {
    const { number, timestamp } = (block ?? {}) as { number?: Hex; timestamp?: Hex };
    if (number !== undefined && timestamp !== undefined) state.head = { number: Number(number), timestamp: Number(timestamp) };
  };

  /** Looks at all heads, and at whether the endpoints have the same block below them. */
  const probe = async (): Promise<void> => {
    await Promise.all(states.filter(({ restUntil }) => restUntil <= now()).map((state) => ask(state, "eth_getBlockByNumber", ["latest", false]).catch((error: unknown) => failed(state, error))));
    const fresh = states.filter((state) => state.head !== undefined && state.restUntil <= now() && plausible(state));
    const common = Math.min(...fresh.map(({ head }) => head?.number ?? 0)) - COMMON_DEPTH;
    if (fresh.length < 2 || common < 0) return;
    const hashes = await Promise.all(fresh.map((state) => ask(state, "eth_getBlockByNumber", [`0x${common.toString(16)}`, false]).then((block) => (block as { hash?: string } | null)?.hash, () => undefined)));
    judge(fresh, hashes, common);
    if (now() - comparedAt >= compareIntervalMs && logs !== undefined && common > comparedTo) await compare(fresh.filter(({ reason }) => reason === undefined), logs.address, common);
  };

  /** Compares the logs of blocks that all of them have and that were not compared before, as far as one comparison goes. */
  const compare = async (fresh: State[], address: unknown, common: number): Promise<void> => {
    comparedAt = now();
    const from = Math.max(comparedTo + 1, common - COMPARED_BLOCKS + 1, 0);
    const lacking = await compareLogs(fresh.map((state) => (method, params) => state.request({ method, params })), { address, fromBlock: `0x${from.toString(16)}`, toBlock: `0x${common.toString(16)}` });
    fresh.forEach((state, i) => lacking[i] === true && doubt(state));
    comparedTo = common;
  };

  const doubt = (state: State): void => {
    logger.error({ endpoint: state.name }, "RPC endpoint leaves out logs");
    state.doubtedUntil = now() + DOUBT_MS;
  };

  const judge = (fresh: State[], hashes: (string | undefined)[], height: number): void => {
    const counts = new Map<string, number>();
    for (const hash of hashes) if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    const [most] = [...counts].sort(([, a], [, b]) => b - a);
    fresh.forEach((state, i) => {
      const hash = hashes[i];
      const differs = hash !== undefined && most !== undefined && hash !== most[0];
      if (!differs) return void delete state.reason;
      // One against one: nobody can tell who lies, so the order that the operator gave decides.
      const outvoted = most[1] * 2 > hashes.filter((other) => other !== undefined).length;
      logger.error({ endpoint: state.name, height, outvoted }, "RPC endpoints are on different chains");
      if (outvoted || i > 0) state.reason = "its chain differs from the others'";
    });
  };

  const keepProbing = (): Promise<void> => {
    if (!several || (probing === undefined && now() - probedAt < probeIntervalMs)) return Promise.resolve();
    const first = probedAt === -Infinity;
    probing ??= probe()
      .catch((error: unknown) => logger.debug({ error }, "RPC endpoints could not be compared"))
      .finally(() => {
        probing = undefined;
      });
    probedAt = now();
    // Only the first request waits for it: later ones have an older look to go by.
    return first ? probing : Promise.resolve();
  };

  const request = async (method: string, params: unknown): Promise<unknown> => {
    await keepProbing();
    let last: unknown;
    for (let round = 0; round <= retries; round++) {
      // Those at rest or behind come last: with nobody else left, they may still know.
      const order = [...states].sort((a, b) => Number(isHealthy(b)) - Number(isHealthy(a)) || Number(b.reason === undefined) - Number(a.reason === undefined));
      for (const state of order) {
        // One on another chain gives wrong answers, which are worse than none.
        if (state.reason !== undefined && order.some((other) => other.reason === undefined)) continue;
        try {
          return await ask(state, method, params);
        } catch (error) {
          // A range that is too large is for the caller to halve, and no fault of the endpoint's.
          if (!isEndpointsFault(error) || (method === "eth_getLogs" && !isRateLimited(error) && /range|more than|10000|too (many results|large|big)|size/i.test(reasonOf(error)))) throw error;
          failed(state, error);
          last = error;
        }
      }
      if (round < retries) await delay(150 * 2 ** round);
    }
    throw last;
  };

  return {
    transport: custom({ request: ({ method, params }: { method: string; params?: unknown }) => request(method, params) }, { retryCount: 0 }),
    doubtLogs: () => void (logs !== undefined && doubt(logs.from)),
    health: () =>
      states.map((state) => {
        const age = ageOf(state);
        const reason = state.reason ?? (state.doubtedUntil > now() ? "it leaves out logs" : state.restUntil > now() ? "it did not answer" : !plausible(state) ? "its head is in the future" : isLagging(state) ? "its head is behind" : undefined);
        return { endpoint: state.name, healthy: reason === undefined, ...(state.head === undefined ? {} : { headNumber: state.head.number }), ...(age === undefined ? {} : { headAgeSeconds: Math.max(0, Math.round(age)) }), ...(reason === undefined ? {} : { reason }) };
      }),
  };
}

/** Whether another endpoint might answer the same request: connection, rate limit, missing block; not what the chain itself says. */
export function isEndpointsFault(error: unknown): boolean {
  if (isUnreachable(error)) return true;
  for (let cause = error, depth = 0; cause !== undefined && cause !== null && depth < 8; depth++) {
    const { code, status } = cause as { code?: unknown; status?: unknown };
    if (status === 429 || (typeof status === "number" && status >= 500) || code === -32005 || code === -32601 || code === -32603 || code === 429) return !/revert|nonce|fund|underpriced|already known/i.test(reasonOf(error));
    cause = typeof cause === "object" && "cause" in cause ? cause.cause : undefined;
  }
  return isRateLimited(error) || /header not found|unknown block|missing trie node|capacity|quota|try again/i.test(reasonOf(error));
}
