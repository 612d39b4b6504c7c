import type { Address, LocalAccount } from "viem";
import { GainsayError } from "../protocol/errors.ts";
import type { Asset } from "../runtime/assets/asset.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import type { Deployment } from "../runtime/config/deployment.ts";
import { transactionsFolder, type Paths } from "../runtime/config/paths.ts";
import { resolveConfig, type Config } from "../runtime/config/resolveConfig.ts";
import type { Settings } from "../runtime/config/settings.ts";
import { readPassword, type PasswordSource } from "../runtime/keys/readPassword.ts";
import { createLogger, type Logger } from "../runtime/telemetry/createLogger.ts";
import { createMetrics, type Metrics } from "../runtime/telemetry/createMetrics.ts";
import type { GlobalFlags } from "./globalFlags.ts";
import { createOutput, type Output } from "./output.ts";
import { address } from "./parse.ts";
import { createProgress, type Progress } from "./progress.ts";
import type { Shell } from "./shell.ts";

/** All that a command works with. Files, chain and key are opened when they are first asked for, and what opens them is loaded then: a daemon has started its inference process before. */
export interface Context {
  readonly shell: Shell;
  readonly signal: AbortSignal;
  readonly output: Output;
  readonly progress: Progress;
  readonly config: Config;
  readonly settings: Settings;
  readonly paths: Paths;
  /** For commands that end by themselves: says little unless the level was set. */
  readonly logger: Logger;
  /** Of this process; nobody sees them but whoever serves them. */
  readonly metrics: Metrics;
  deployment(): Promise<Deployment>;
  chain(): Promise<Chain>;
  /** What the deployment pays in. */
  asset(): Promise<Asset>;
  /** The unlocked account. Throws `KEY_MISSING` if none was named. */
  account(): Promise<LocalAccount>;
  sender(): Promise<Sender>;
  /** Address of the text: an address itself, the name of a key, or without text the account that signs; asks for no password. */
  addressOf(text?: string): Promise<Address>;
  password(options?: { purpose?: string; confirm?: boolean }): PasswordSource;
  /** Is called at the end, last opened first. */
  onClose(close: () => void | Promise<void>): void;
  close(): Promise<void>;
}

/** Settles the configuration; throws its errors. */
export function openContext(flags: GlobalFlags, shell: Shell, isDaemon = false): Context {
  const config = resolveConfig({ home: flags.home, env: shell.env, flags: { ...flags, rpcUrls: flags.rpc } });
  const { settings, paths } = config;
  const output = createOutput(flags.json === true, shell);
  const logger = createLogger({ level: config.origins.logLevel.from === "default" && !isDaemon ? "error" : settings.logLevel }, shell.stderr === process.stderr ? undefined : { write: (line) => void shell.stderr.write(line) });
  const metrics = createMetrics({ process: isDaemon && settings.telemetryPort !== undefined });
  const progress = createProgress(shell.stderr);
  const closers: (() => void | Promise<void>)[] = [() => progress.end()];

  const password: Context["password"] = (options = {}) => {
    const source = readPassword({ ...options, passwordFile: flags.passwordFile, env: shell.env, ...(shell.stdin.isTTY === true ? {} : { prompt: undefined }) });
    return () => {
      progress.end();
      return source();
    };
  };
  const deployment = once(async () => (await import("../runtime/config/readDeployment.ts")).readDeployment(paths.home, settings.chainId));
  const chain = once(async () => (await import("../runtime/chain/createChain.ts")).createChain({ rpcUrls: settings.rpcUrls, deployment: await deployment(), confirmations: settings.confirmations }, { logger }));
  const account = once(async (): Promise<LocalAccount> => {
    const { environmentAccount, unlockKey } = await keys();
    if (settings.key !== undefined) return (await unlockKey(settings.key, { keysFolder: paths.keys, password: password({ purpose: `key ${settings.key}` }) })).account;
    const raw = environmentAccount(settings.chainId, shell.env, (message) => output.note(`gainsay: ${message}`));
    if (raw === undefined) throw await noKey();
    return raw;
  });
  const sender = once(async () => {
    const [{ createSender }, { openIntents }] = await Promise.all([import("../runtime/chain/createSender.ts"), import("../runtime/chain/openIntents.ts")]);
    // The chain first: a wrong endpoint is told before anybody types a password.
    const connected = await chain();
    const signer = await account();
    const intents = await openIntents(transactionsFolder(paths, settings.chainId, signer.address), { logger });
    closers.push(() => intents?.close());
    const own = createSender({ account: signer, chain: connected, pollingIntervalMs: Math.min(settings.pollingIntervalMs, 500) }, { logger, metrics, intents });
    // A command sends at once and waits for it then; a daemon may have nothing to send for a long time.
    if (isDaemon) own.resume(shell.signal).catch((error: unknown) => logger.warn({ error }, "transactions of an earlier run are not settled yet; the next one waits for them"));
    return own;
  });

  async function noKey(): Promise<GainsayError> {
    const { listKeys } = await keys();
    const names = (await listKeys(paths.keys)).map(({ name }) => name);
    const choice = names.length === 0 ? "make one with `gainsay keys new NAME`" : `there are ${names.join(", ")}`;
    return new GainsayError(`Say which key signs with --key or GAINSAY_KEY; ${choice}.`, { code: "KEY_MISSING", kind: "usage", details: { names } });
  }

  async function addressOf(text = settings.key): Promise<Address> {
    const { environmentAccount, listKeys } = await keys();
    if (text === undefined) {
      if (environmentAccount(settings.chainId, shell.env, () => undefined) !== undefined) return (await account()).address;
      throw await noKey();
    }
    if (/^0x[0-9a-fA-F]{40}$/.test(text)) return address(text);
    const known = (await listKeys(paths.keys)).find(({ name }) => name === text)?.address;
    if (known !== undefined) return known;
    if (text === settings.key) return (await account()).address;
    throw new GainsayError(`${JSON.stringify(text)} is neither an address nor the name of a key here; list them with \`gainsay keys list\`.`, { code: "ACCOUNT_UNKNOWN", kind: "usage", details: { account: text } });
  }

  return {
    shell,
    signal: shell.signal,
    output,
    progress,
    config,
    settings,
    paths,
    logger,
    metrics,
    deployment,
    chain,
    asset: async () => (await import("../runtime/chain/reads/getAsset.ts")).getAsset(await chain()),
    account,
    sender,
    addressOf,
    password,
    onClose: (close) => void closers.push(close),
    async close() {
      for (const close of closers.splice(0).reverse()) {
        // What cannot be closed must not keep the rest open; the command itself is over.
        try {
          await close();
        } catch (error) {
          logger.warn({ error }, "not closed cleanly");
        }
      }
    },
  };
}

async function keys() {
  const [{ environmentAccount }, { listKeys }, { unlockKey }] = await Promise.all([import("../runtime/keys/environmentKey.ts"), import("../runtime/keys/listKeys.ts"), import("../runtime/keys/unlockKey.ts")]);
  return { environmentAccount, listKeys, unlockKey };
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}
