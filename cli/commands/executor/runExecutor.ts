import path from "node:path";
import { createExecutor } from "../../../node/createExecutor.ts";
import { createTestMemory } from "../../../node/createTestMemory.ts";
import { createOfferer } from "../../../node/createOfferer.ts";
import { DEVNET_CHAIN_ID } from "../../../node/misbehaviour.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { createInputStore } from "../../../runtime/programs/createInputStore.ts";
import type { Context } from "../../context.ts";
import { unitsOf } from "../../amount.ts";
import { openDaemon } from "../../daemon.ts";
import { short } from "../../parse.ts";
import type { DaemonInference } from "../../openInference.ts";
import type { ExecutorFlags } from "./start.ts";

/** The body of `gainsay executor start`: all that it loads is loaded while the inference process starts. */
export async function runExecutor(context: Context, flags: ExecutorFlags, inference: DaemonInference): Promise<void> {
  const { misbehave } = flags;
  const chain = await context.chain();
  if (misbehave !== undefined && chain.deployment.chainId !== DEVNET_CHAIN_ID) {
    throw new GainsayError("--misbehave works on a development chain only: anywhere else it would cost you your stake.", { code: "MISBEHAVIOUR_REFUSED", kind: "usage" });
  }
  const asset = await context.asset();
  const [minFee, maxCollateral] = [unitsOf(flags.minFee, asset), unitsOf(flags.maxCollateral, asset)];
  const sender = await context.sender();
  const daemon = await openDaemon(context, { kind: "executor", name: flags.name, inference, announce: flags.announce ?? [], maxDisk: flags.maxDisk, account: sender.address });
  const { free } = await getStakeAccount(chain, sender.address);
  if (free === 0n) context.output.note(`gainsay: ${sender.address} has no free stake, so it cannot claim jobs; add some with \`gainsay stake deposit\`.`);
  const executor = createExecutor(
    {
      programs: flags.program ?? [],
      minFee,
      maxCollateral,
      claimDelaySeconds: flags.claimDelay,
      retainSeconds: flags.retain,
      concurrency: flags.concurrency,
      ...(misbehave === undefined ? {} : { misbehaviour: misbehave }),
    },
    { ...daemon, account: await context.account(), sender, inputs: createInputStore(path.join(daemon.dataFolder, "inputs"), daemon), tested: createTestMemory(path.join(daemon.dataFolder, "tested")) },
  );
  // What is committed already is defended from the first second; only new jobs wait for the test of the kernels.
  const stopping = new AbortController();
  const running = executor.run(AbortSignal.any([context.signal, stopping.signal]));
  const served = await Promise.race([executor.prepare(context.signal, (root) => context.progress.update(`testing this machine's kernels on program ${short(root)}`)), running.then((): Hex[] => [])]).catch(async (error: unknown) => {
    const open = await Promise.race([executor.openCommitments(), running.then(() => 0)]);
    if (open > 0 && !context.signal.aborted) {
      context.output.note(`gainsay: ${error instanceof Error ? error.message : String(error)} No new jobs are taken; ${open} commitments are defended and settled.`);
      return [];
    }
    stopping.abort();
    await running;
    throw error;
  });
  context.progress.end();
  if (served.length === 0) context.output.note("gainsay: there is no bundle in the data folder, so there is nothing to serve yet; compile a model with `gainsay model compile`.");
  context.output.result({ ready: true, account: sender.address, peer: daemon.network.peerId, addresses: daemon.network.addresses(), programs: served, stake: free }, [
    `executor ${sender.address} serves ${served.length === 1 ? "one program" : `${served.length} programs`} with a free stake of ${formatAmount(free, asset)}`,
    ...daemon.network.addresses().map((address) => `peer ${address}`),
  ]);
  if (flags.offer && misbehave?.withhold !== true) {
    const offerer = createOfferer(
      { price: minFee, maxCollateral, executionProvider: context.settings.executionProvider, region: flags.region, programs: () => executor.served() },
      { ...daemon, account: await context.account() },
    );
    context.onClose(() => offerer.stop());
    offerer.start();
  }
  await running;
}
