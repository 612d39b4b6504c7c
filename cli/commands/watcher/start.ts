import path from "node:path";
import { Command, Option } from "commander";
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
import { createCaseStore } from "../../../watcher/createCaseStore.ts";
import { createWatcher } from "../../../watcher/createWatcher.ts";
import { DEFAULT_TOLERANCE, watcherModes, withheldAnswers, type WatcherMode, type WithheldAnswer } from "../../../watcher/options.ts";
import { action } from "../../action.ts";
import { amount, etherAmount, unitsOf, type Amount } from "../../amount.ts";
import { openDaemon } from "../../daemon.ts";
import { addDaemonFlags, type DaemonFlags } from "../../daemonFlags.ts";
import { duration, fraction, integer, webUrl } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

interface Flags extends DaemonFlags {
  mode: WatcherMode;
  patience: number;
  onWithheld: WithheldAnswer;
  maxDemands: number;
  maxDemandStake: Amount;
  tolerance: number;
  defend: boolean;
  sample: number;
  webhook?: string;
  maxDailySpend: Amount;
  maxDailyGas: bigint;
}

/** `gainsay watcher start` */
export function startWatcherCommand(shell: Shell): Command {
  return addDaemonFlags(new Command("start").description("check every committed job of the programs in the data folder; runs until it is stopped"))
    .addOption(new Option("--mode <mode>", "what to do about a wrong result: observe says so in the log and needs no key, alert also warns other watchers, dispute also goes to the chain").choices([...watcherModes]).default("dispute"))
    .option("--patience <time>", "how long a trace may stay unavailable before it counts as withheld; at most a third of the challenge window", duration, duration("10m"))
    .addOption(
      new Option("--on-withheld <how>", "how to dispute a withheld trace whose root differs from the own one: bisect convicts every lie of an executor with floats like the own ones, demand needs no equal floats and finds the lies that reach an output, auto bisects where this executor's floats have been the own ones before, and demands elements elsewhere; alert only logs")
        .choices([...withheldAnswers])
        .default("bisect"),
    )
    .option("--max-demands <number>", "elements to demand in one dispute at most", integer(1, 16_384), 24)
    .option("--max-demand-stake <amount>", "bonds of demands at stake in one dispute at most", amount, amount("2"))
    .option("--tolerance <fraction>", "how far a posted tensor may be from what follows from the tensors before it, in units of its largest number, before what is inside of its block is looked at; from 0, which looks into every block that differs, to 1 (default 2^-16)", fraction, DEFAULT_TOLERANCE)
    .option("--no-defend", "do not make moves for honest executors that leave half of their clock unused")
    .option("--sample <fraction>", "share of the commitments that is checked, chosen by a secret of each start: from 0 to 1 (default 1)", fraction, 1)
    .option("--webhook <url>", "where mode alert and dispute also post wrong results, lost disputes and other watchers' warnings, as JSON (default: nowhere)", webUrl)
    .option("--max-daily-spend <amount>", "bonds, and where the deployment is paid in ether also gas, that may leave the account in 24 hours before no new dispute is begun; moves of open ones are always made", amount, amount("5"))
    .option("--max-daily-gas <amount>", "the same for gas alone, which is paid in ether in every deployment", etherAmount, etherAmount("5"))
    .action(
      action(shell, async (context, flags: Flags) => {
        const asset = await context.asset();
        const own = flags.mode === "dispute" ? await context.sender() : undefined;
        // A webhook is told also by a watcher that has no key to sign warnings with.
        const unsigned = flags.mode === "observe" || (flags.mode === "alert" && flags.webhook !== undefined && context.settings.key === undefined);
        const account = unsigned ? undefined : await context.account();
        const daemon = await openDaemon(context, { kind: "watcher", name: flags.name, optimization: flags.optimization, announce: flags.announce ?? [], maxDisk: flags.maxDisk, account: account?.address });
        const { logger, metrics } = daemon;
        const fetchedBundles = path.join(daemon.dataFolder, "bundles");
        await checkBundles(context.paths.bundles);
        const discarded = await checkBundles(fetchedBundles, { discard: true });
        if (discarded.length > 0) logger.warn({ discarded }, "damaged bundles were removed, and are fetched again");
        const sender = own === undefined ? undefined : await createBudget(own, { perDay: unitsOf(flags.maxDailySpend, asset), gasPerDay: flags.maxDailyGas, bond: (await getParameters(daemon.chain)).rules.bond, file: path.join(daemon.dataFolder, "spending.json") }, { logger, metrics });
        const webhook = flags.webhook === undefined || flags.mode === "observe" ? undefined : createWebhook({ url: flags.webhook }, { logger });
        if (webhook !== undefined) context.onClose(() => webhook.stop());
        if (sender !== undefined) await warnIfPoor(sender.address, daemon.chain, context.output.note);
        const cases = await createCaseStore(path.join(daemon.dataFolder, "cases"));
        const watcher = createWatcher(
          { mode: flags.mode, patienceSeconds: flags.patience, onWithheld: flags.onWithheld, demandBudget: { demands: flags.maxDemands, wei: unitsOf(flags.maxDemandStake, asset) }, tolerance: flags.tolerance, defendOthers: flags.defend, concurrency: flags.concurrency, sampleRate: flags.sample },
          { ...daemon, cases, fetchedBundles, ...(account === undefined ? {} : { account }), ...(sender === undefined ? {} : { sender }), ...(webhook === undefined ? {} : { webhook }) },
        );
        const programs = await daemon.programs.list();
        context.output.result({ ready: true, account: account?.address ?? null, mode: flags.mode, peer: daemon.network.peerId, addresses: daemon.network.addresses(), programs }, [
          `watcher ${account?.address ?? "without account"} checks ${programs.length === 1 ? "one program" : `${programs.length} programs`}, mode ${flags.mode}`,
          ...daemon.network.addresses().map((address) => `peer ${address}`),
        ]);
        await watcher.run(context.signal);
      }),
    );
}

async function warnIfPoor(account: Address, chain: Chain, note: (text: string) => void): Promise<void> {
  const [asset, balance, tokens, { rules }] = await Promise.all([getAsset(chain), getBalance(chain, account), getTokenBalance(chain, account), getParameters(chain)]);
  const held = asset.token === undefined ? balance : tokens;
  if (held < 2n * rules.bond) note(`gainsay: ${account} holds ${formatAmount(held, asset)}; one dispute takes a bond of ${formatAmount(rules.bond, asset)} and gas on top.`);
  if (asset.token !== undefined && balance === 0n) note(`gainsay: ${account} holds no ether; the moves of a dispute cost gas.`);
}
