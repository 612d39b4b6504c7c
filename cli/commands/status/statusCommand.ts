import { Command } from "commander";
import type { Address } from "viem";
import { getTokenBalance } from "../../../runtime/chain/approvePayment.ts";
import type { Chain, Head } from "../../../runtime/chain/createChain.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { listKeys } from "../../../runtime/keys/listKeys.ts";
import { createLedger } from "../../../runtime/ledger/createLedger.ts";
import { action } from "../../action.ts";
import type { Context } from "../../context.ts";
import { peerFlag } from "../../peerFlag.ts";
import { openPeers } from "../../peers.ts";
import type { Shell } from "../../shell.ts";
import { statusLines, type StatusAccount, type StatusView } from "./statusLines.ts";

/** `gainsay status` */
export function statusCommand(shell: Shell): Command {
  return new Command("status")
    .description("show jobs, disputes with their clocks, the stakes of the keys here, and peers; live on a terminal until it is interrupted")
    .option("--once", "print the view once and end, as is done with --json and where standard output is no terminal (default: live)")
    .addOption(peerFlag())
    .action(
      action(shell, async (context, options: { once?: boolean; peer?: string[] }) => {
        const { output, settings } = context;
        const chain = await context.chain();
        const asset = await context.asset();
        const { network } = await openPeers(context, { peers: options.peer ?? [], listen: false });
        const ledger = createLedger({ chain, pollingIntervalMs: settings.pollingIntervalMs });
        const live = options.once !== true && !output.json && shell.stdout.isTTY === true;
        const done = new AbortController();
        let drawing: Promise<void> = Promise.resolve();
        let failure: unknown;

        const draw = async (head: Head): Promise<void> => {
          const view: StatusView = {
            chainId: chain.deployment.chainId,
            asset,
            head,
            headAgeSeconds: Math.max(0, Math.floor(Date.now() / 1000) - head.timestamp),
            endpoints: chain.endpoints(),
            jobs: [...ledger.jobs.values()],
            disputes: [...ledger.disputes.values()],
            accounts: await readAccounts(context, chain),
            peers: network.peers(),
          };
          if (live) {
            const lines = statusLines(view, Math.max(3, Math.floor(((shell.stdout.rows ?? 40) - 16) / 2)));
            // Home, each line cleared to its end, then the rest of the screen: no flicker.
            shell.stdout.write(`\x1b[H${lines.map((line) => `${line.slice(0, shell.stdout.columns ?? 200)}\x1b[K\n`).join("")}\x1b[J`);
          } else {
            output.result(view, statusLines(view));
            done.abort();
          }
        };
        if (live) {
          shell.stdout.write("\x1b[2J");
          context.onClose(() => void shell.stdout.write("\n"));
        }
        await ledger.run((head) => {
          drawing = drawing.then(() => (done.signal.aborted ? undefined : draw(head))).catch((error: unknown) => {
            // A view that could not be drawn is drawn again at the next block; the only one must not be lost.
            if (live) return;
            failure = error;
            done.abort();
          });
        }, AbortSignal.any([context.signal, done.signal]));
        await drawing;
        if (failure !== undefined) throw failure;
      }),
    );
}

/** The keys of the home, and the account of `--key` if it is another. */
async function readAccounts(context: Context, chain: Chain): Promise<StatusAccount[]> {
  const keys = (await listKeys(context.paths.keys)).flatMap(({ name, address }) => (address === undefined ? [] : [{ name, address: address as Address }]));
  const named = context.settings.key;
  const shown = named !== undefined && keys.some(({ name }) => name === named) ? keys.filter(({ name }) => name === named) : keys;
  return Promise.all(shown.map(async ({ name, address }) => ({ name, address, ...(await getStakeAccount(chain, address)), balance: await getBalance(chain, address), ...(chain.deployment.token === undefined ? {} : { tokenBalance: await getTokenBalance(chain, address) }) })));
}
