import path from "node:path";
import type { Address } from "viem";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { getTokenBalance } from "../../../runtime/chain/approvePayment.ts";
import { checkBundles } from "../../../runtime/bundle/checkBundles.ts";
import { createBudget } from "../../../runtime/chain/createBudget.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { getAsset } from "../../../runtime/chain/reads/getAsset.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { createWebhook } from "../../../runtime/telemetry/createWebhook.ts";
import { createBundleFetches } from "../../../watcher/createBundleFetches.ts";
import { createCaseStore } from "../../../watcher/createCaseStore.ts";
import { createWatcher } from "../../../watcher/createWatcher.ts";
import type { Context } from "../../context.ts";
import { unitsOf } from "../../amount.ts";
import { openDaemon } from "../../daemon.ts";
import type { DaemonInference } from "../../openInference.ts";
import type { WatcherFlags } from "./start.ts";

/** The body of `gainsay watcher start`: all that it loads is loaded while the inference process starts. */
export async function runWatcher(context: Context, flags: WatcherFlags, inference: DaemonInference): Promise<void> {
  const asset = await context.asset();
  const own = flags.mode === "dispute" ? await context.sender() : undefined;
  // A webhook is told also by a watcher that has no key to sign warnings with.
  const unsigned = flags.mode === "observe" || (flags.mode === "alert" && flags.webhook !== undefined && context.settings.key === undefined);
  const account = unsigned ? undefined : await context.account();
  const daemon = await openDaemon(context, { kind: "watcher", name: flags.name, inference, announce: flags.announce ?? [], maxDisk: flags.maxDisk, account: account?.address });
  const { logger, metrics, bundleMemory: memory } = daemon;
  const fetchedBundles = path.join(daemon.dataFolder, "bundles");
  await checkBundles(context.paths.bundles, { memory });
  const discarded = await checkBundles(fetchedBundles, { discard: true, memory });
  if (discarded.length > 0) logger.warn({ discarded }, "damaged bundles were removed, and are fetched again");
  const sender = own === undefined ? undefined : await createBudget(own, { perDay: unitsOf(flags.maxDailySpend, asset), gasPerDay: flags.maxDailyGas, bond: (await getParameters(daemon.chain)).rules.bond, file: path.join(daemon.dataFolder, "spending.json") }, { logger, metrics });
  const webhook = flags.webhook === undefined || flags.mode === "observe" ? undefined : createWebhook({ url: flags.webhook }, { logger });
  if (webhook !== undefined) context.onClose(() => webhook.stop());
  if (sender !== undefined) await warnIfPoor(sender.address, daemon.chain, context.output.note);
  const cases = await createCaseStore(path.join(daemon.dataFolder, "cases"));
  const watcher = createWatcher(
    { mode: flags.mode, patienceSeconds: flags.patience, onWithheld: flags.onWithheld, demandBudget: { demands: flags.maxDemands, wei: unitsOf(flags.maxDemandStake, asset) }, tolerance: flags.tolerance, defendOthers: flags.defend, concurrency: flags.concurrency, sampleRate: flags.sample },
    { ...daemon, cases, fetchedBundles, bundles: createBundleFetches(daemon), ...(account === undefined ? {} : { account }), ...(sender === undefined ? {} : { sender }), ...(webhook === undefined ? {} : { webhook }) },
  );
  const programs = await daemon.programs.list();
  context.output.result({ ready: true, account: account?.address ?? null, mode: flags.mode, peer: daemon.network.peerId, addresses: daemon.network.addresses(), programs }, [
    `watcher ${account?.address ?? "without account"} checks ${programs.length === 1 ? "one program" : `${programs.length} programs`}, mode ${flags.mode}`,
    ...daemon.network.addresses().map((address) => `peer ${address}`),
  ]);
  await watcher.run(context.signal);
}

async function warnIfPoor(account: Address, chain: Chain, note: (text: string) => void): Promise<void> {
  const [asset, balance, tokens, { rules }] = await Promise.all([getAsset(chain), getBalance(chain, account), getTokenBalance(chain, account), getParameters(chain)]);
  const held = asset.token === undefined ? balance : tokens;
  if (held < 2n * rules.bond) note(`gainsay: ${account} holds ${formatAmount(held, asset)}; one dispute takes a bond of ${formatAmount(rules.bond, asset)} and gas on top.`);
  if (asset.token !== undefined && balance === 0n) note(`gainsay: ${account} holds no ether; the moves of a dispute cost gas.`);
}
