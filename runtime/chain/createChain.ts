import { createPublicClient, type PublicClient } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { ContractName, Deployment } from "../config/deployment.ts";
import type { Logger } from "../telemetry/createLogger.ts";
import { chainError } from "./chainError.ts";
import { createEndpoints, type EndpointHealth } from "./createEndpoints.ts";
import { createEndpoint, endpointName } from "./createTransport.ts";

export interface ChainOptions {
  /** JSON-RPC over HTTP: the first healthy one is asked. */
  rpcUrls: readonly string[];
  deployment: Deployment;
  /** Blocks below the head that events are read up to; 0 reads the head itself. */
  confirmations?: number;
  /** Milliseconds for one request. Default 10 000. */
  timeoutMs?: number;
  /** Further tries of a request that fails. Default 2. */
  retries?: number;
  /** Milliseconds between looks at the heads of all endpoints, where there are several. Default 5000. */
  probeIntervalMs?: number;
  /** Milliseconds between comparisons of their logs. Default 30 000. */
  compareIntervalMs?: number;
}

export interface ChainDependencies {
  logger: Logger;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface Head {
  number: bigint;
  hash: Hex;
  /** Seconds, the clock of all deadlines. */
  timestamp: number;
}

/** A connection to one chain with the contracts of one deployment; reads and calls take it as their first argument. */
export interface Chain {
  readonly client: PublicClient;
  readonly deployment: Deployment;
  readonly confirmations: number;
  readonly logger: Logger;
  readonly now: () => number;
  /** The newest block. Throws `CHAIN_UNREACHABLE`. */
  head(): Promise<Head>;
  /** Seconds from the newest block's timestamp to this machine's clock; a large one means a stalled node or chain. */
  headAge(): Promise<number>;
  /** How each endpoint does. */
  endpoints(): EndpointHealth[];
  /** Whoever gave the last logs left some out that must exist: others are asked first for a while. */
  doubtLogs(): void;
}

/**
 * Connects and makes sure that this is the chain and that the contracts are there.
 * @throws GainsayError `CHAIN_UNREACHABLE`, `CHAIN_WRONG_ID` or `CHAIN_NO_CONTRACTS`.
 */
export async function createChain(options: ChainOptions, dependencies: ChainDependencies): Promise<Chain> {
  const { deployment } = options;
  const now = dependencies.now ?? Date.now;
  const endpoints = createEndpoints(options, { logger: dependencies.logger, now });
  const client = createPublicClient({ transport: endpoints.transport, cacheTime: 0 }) as PublicClient;
  await checkEndpoints(options, dependencies.logger);
  await checkContracts(client, options);
  const head = async (): Promise<Head> => {
    try {
      const block = await client.getBlock({ blockTag: "latest", includeTransactions: false });
      return { number: block.number, hash: block.hash, timestamp: Number(block.timestamp) };
    } catch (error) {
      throw chainError(error);
    }
  };
  return {
    client,
    deployment,
    confirmations: options.confirmations ?? 0,
    logger: dependencies.logger,
    now,
    head,
    headAge: async () => Math.max(0, Math.floor(now() / 1000) - (await head()).timestamp),
    endpoints: () => endpoints.health(),
    doubtLogs: () => endpoints.doubtLogs(),
  };
}

/** Each endpoint on its own: one that serves another chain must not step in later. One that is down now may be up by then. */
async function checkEndpoints(options: ChainOptions, logger: Logger): Promise<void> {
  const expected = options.deployment.chainId;
  const endpoints = options.rpcUrls.map(endpointName);
  const answers = await Promise.allSettled(options.rpcUrls.map((url) => createPublicClient({ transport: createEndpoint(url, options) }).getChainId()));
  for (const [i, answer] of answers.entries()) {
    if (answer.status === "rejected") {
      logger.warn({ endpoint: endpoints[i], error: chainError(answer.reason) }, "RPC endpoint does not answer");
    } else if (answer.value !== expected) {
      throw new GainsayError(`The node serves chain ${answer.value}, but chain ${expected} was asked for; check the RPC URL and the chain id.`, {
        code: "CHAIN_WRONG_ID",
        kind: "usage",
        details: { endpoint: endpoints[i], actual: answer.value, expected },
      });
    }
  }
  const first = answers[0];
  if (first?.status !== "rejected" || answers.some(({ status }) => status === "fulfilled")) return;
  const { message, code, kind, retryable, details } = chainError(first.reason);
  throw new GainsayError(message, { code, kind, retryable, details: { ...details, endpoints } });
}

async function checkContracts(client: PublicClient, { rpcUrls, deployment }: ChainOptions): Promise<void> {
  const names = Object.keys(deployment.contracts) as ContractName[];
  try {
    const codes = await Promise.all(names.map((name) => client.getCode({ address: deployment.contracts[name] })));
    const missing = names.filter((_, i) => codes[i] === undefined || codes[i] === "0x");
    if (missing.length === 0) return;
    throw new GainsayError(`There is no contract at the address of ${missing.join(", ")}; the deployment file is of another chain or of a devnet that was started anew.`, {
      code: "CHAIN_NO_CONTRACTS",
      kind: "usage",
      details: { endpoints: rpcUrls.map(endpointName), chainId: deployment.chainId, missing: Object.fromEntries(missing.map((name) => [name, deployment.contracts[name]])) },
    });
  } catch (error) {
    throw chainError(error);
  }
}
