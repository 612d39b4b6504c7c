import { once } from "node:events";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { devnetConfig } from "../../../runtime/chain/deploymentConfig.ts";
import { startDevnet } from "../../../runtime/devnet/startDevnet.ts";
import { action } from "../../action.ts";
import { forgetDevnet } from "../../forgetDevnet.ts";
import { pairs, table } from "../../output.ts";
import { duration, integer } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay devnet` */
export function devnetCommand(shell: Shell): Command {
  return new Command("devnet")
    .description("run a local development chain with the contracts and four accounts with money, until it is interrupted")
    .option("--port <number>", "TCP port of the JSON-RPC endpoint on 127.0.0.1; 0 takes a free one", integer(0, 65_535), 8545)
    .option("--host <address>", "address to listen on; whoever reaches it commands the chain (default 127.0.0.1)", "127.0.0.1")
    .option("--dispute-clock <time>", "time that each side has for its moves in one dispute (default 1m)", duration, duration("1m"))
    .option("--fresh", "first forget what earlier development chains left in the home: their deployment, keys, jobs and daemon data (default: keep it)")
    .action(
      action(shell, async ({ output, paths, logger, progress, signal }, options: { port: number; host: string; disputeClock: number; fresh?: boolean }) => {
        if (options.fresh === true) await forgetDevnet(paths);
        progress.update("starting the chain and deploying the contracts");
        const devnet = await startDevnet({ home: paths.home, port: options.port, host: options.host, config: devnetConfig(options.disputeClock), signal }, { logger });
        try {
          progress.end();
          const { rpcUrl, chainId, deployment, deploymentFile, keys, passwordFile } = devnet;
          output.result({ rpcUrl, chainId, contracts: deployment.contracts, keys: keys.map(({ name, address }) => ({ name, address })), passwordFile, deploymentFile, home: paths.home }, [
            ...pairs([["RPC", rpcUrl], ["chain", String(chainId)], ...Object.entries(deployment.contracts).map(([name, at]) => [name, at] as const)]),
            "",
            ...table(["key", "address"], keys.map(({ name, address }) => [name, address])),
            "",
            "To use it in another terminal:",
            `  export GAINSAY_HOME=${quoted(paths.home)} GAINSAY_RPC_URL=${rpcUrl} GAINSAY_PASSWORD_FILE=${quoted(passwordFile)}`,
            "",
            "Ctrl-C stops it.",
          ]);
          const gone = await Promise.race([devnet.exited, signal.aborted ? undefined : once(signal, "abort").then(() => undefined)]);
          if (gone !== undefined) throw new GainsayError("The development chain ended by itself.", { code: "DEVNET_FAILED", details: { code: gone.code, signal: gone.signal, stderr: gone.stderr.slice(-500) } });
        } finally {
          await devnet.stop();
        }
      }),
    );
}

/** For a shell, if the path needs it. */
function quoted(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
