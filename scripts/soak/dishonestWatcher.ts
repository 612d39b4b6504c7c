// The dishonest one of the watchers of a soak: a daemon like the others, with a key, peers and a data folder, that disputes honest results, cries fraud at every
// commitment, and sends junk to whoever asks it for data. `dishonestWatcher.ts start --against ACCOUNT [--against …] --key NAME …`
import process from "node:process";
import { Command } from "commander";
import { action } from "../../cli/action.ts";
import { openDaemon } from "../../cli/daemon.ts";
import { openInference } from "../../cli/openInference.ts";
import { addDaemonFlags, type DaemonFlags } from "../../cli/daemonFlags.ts";
import { addGlobalFlags } from "../../cli/globalFlags.ts";
import { repeated } from "../../cli/parse.ts";
import type { Shell } from "../../cli/shell.ts";
import { toHex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { openDispute } from "../../runtime/chain/calls/openDispute.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import type { BlobSource } from "../../runtime/network/blobs/serveBlob.ts";
import { createTasks } from "../../runtime/tasks/createTasks.ts";
import { createAlarm } from "../../watcher/createAlarm.ts";

/** Disputes in the life of one process: enough to be in the way, and it loses a bond with each. */
const MAX_DISPUTES = 6;
/** One commitment in so many is disputed. */
const EVERY = 4n;

interface Flags extends DaemonFlags {
  against: string[];
}

/** Whatever is asked for, it has it, and it is wrong. */
const junk: BlobSource = {
  open: async () => ({ byteLength: 2_048, leaves: async () => new Uint8Array(64).fill(7), read: async (_, length) => new Uint8Array(length).fill(9) }),
};

const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());
const shell: Shell = { env: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signal: stopping.signal, exit: (code) => process.exit(code) };
const start = addDaemonFlags(new Command("start")).requiredOption("--against <account>", "executor whose results are disputed", repeated(String)).action(
  action(shell, async (context, flags: Flags) => {
    const [sender, account] = [await context.sender(), await context.account()];
    const daemon = await openDaemon(context, { kind: "watcher", name: flags.name, inference: openInference(context, { kind: "watcher", name: flags.name }, flags.optimization), announce: [], account: sender.address });
    const { chain, ledger, network, logger } = daemon;
    const { rules } = await getParameters(chain);
    const alarm = createAlarm(account, daemon);
    const tasks = createTasks({ concurrency: 1, backoffMs: 1_000, maxBackoffMs: 5_000 }, { logger });
    const against = new Set(flags.against.map((executor) => executor.toLowerCase()));
    const seen = new Set<string>();
    let disputes = 0;
    network.blobs.serve(junk);
    context.output.result({ ready: true, account: sender.address }, ["dishonest watcher started"]);
    await ledger.run((head) => {
      for (const job of ledger.jobs.values()) {
        const key = `${job.id}/${job.attempt}`;
        if (job.status !== "committed" || head.timestamp > job.deadline || seen.has(key)) continue;
        seen.add(key);
        void alarm.raise(job, "FRAUD", 0);
        if (job.id % EVERY !== 0n || disputes >= MAX_DISPUTES || !against.has(job.executor?.toLowerCase() ?? "")) continue;
        disputes++;
        // With a seal that hides nothing, and without one; either way it never moves again.
        const seal = disputes % 2 === 0 ? { seal: toHex(sha256(new TextEncoder().encode(key))) } : {};
        tasks.offer(key, async (signal) => {
          const { disputeId } = await openDispute(sender, { jobId: job.id, digest: job.digest, bond: rules.bond, ...seal }, { signal });
          logger.info({ jobId: job.id, disputeId, sealed: "seal" in seal }, "honest result disputed");
        });
      }
    }, context.signal);
    alarm.stop();
    await tasks.stop();
  }),
);
await addGlobalFlags(new Command("dishonestWatcher")).addCommand(start).parseAsync();
