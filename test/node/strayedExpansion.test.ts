import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createExecutor } from "../../node/createExecutor.ts";
import { innerRootOf } from "../../protocol/dispute/defenderMove.ts";
import { proveBlock } from "../../protocol/dispute/proveBlock.ts";
import { depositStake } from "../../runtime/chain/calls/depositStake.ts";
import { openBlock } from "../../runtime/chain/calls/openBlock.ts";
import { registerModel } from "../../runtime/chain/calls/registerModel.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { createLedger } from "../../runtime/ledger/createLedger.ts";
import { createInputStore } from "../../runtime/programs/createInputStore.ts";
import type { Programs } from "../../runtime/programs/createPrograms.ts";
import { createTraceStore } from "../../runtime/traces/createTraceStore.ts";
import { createArena, type Arena } from "../e2e/support/createArena.ts";
import { lonelyNetwork, newJournal, recordingLogger, runDaemon } from "../e2e/support/daemonParts.ts";
import { digits, openModel, type OpenedModel } from "../e2e/support/openModel.ts";
import { collateral, committed, publishedInput, submittedJob } from "../e2e/support/players.ts";
import { until } from "../runtime/chain/localChain.ts";

let arena: Arena;
let opened: OpenedModel;
beforeAll(async () => {
  arena = await createArena();
  opened = await openModel(digits, undefined, "block");
  await registerModel(arena.sender("requester"), opened.bundle.program.header, opened.root, "bundle://test");
  await depositStake(arena.sender("executor"), 5n * collateral);
});
afterAll(async () => {
  await opened.close();
  await arena.close();
});

/** The same programs on a machine whose blocks end in other last bits than was committed, once that is so: a start would notice it by itself. */
let hasChanged = false;
function straying(programs: Programs): Programs {
  return {
    ...programs,
    async open(root) {
      const loaded = await programs.open(root);
      return loaded && { ...loaded, expand: async (...given) => {
        const expansion = await loaded.expand(...given);
        if (!hasChanged) return expansion;
        return { ...expansion, borders: new Map([...expansion.borders].map(([tensor, bytes]) => [tensor, Uint8Array.from(bytes, (byte, i) => (i === 0 ? byte ^ 1 : byte))])) };
      } };
    },
  };
}

it("an executor whose machine does not lead to what it committed waits for a restart, and answers at the end of its clock all the same", async () => {
  const journal = newJournal();
  const logger = recordingLogger(journal, "executor");
  const traces = createTraceStore({ dir: path.join(opened.scratch, "traces"), maxBytes: Infinity }, { logger, hasher: opened.hasher });
  await traces.start();
  const network = lonelyNetwork();
  const executor = createExecutor(
    { programs: [opened.root], minFee: 0n, maxCollateral: 10n * collateral, claimDelaySeconds: 0, retainSeconds: 3600, concurrency: 2 },
    { account: arena.accounts.executor, chain: arena.chain, sender: arena.sender("executor"), ledger: createLedger({ chain: arena.chain, pollingIntervalMs: 10 }), network, providers: { providersOf: () => [], stop: () => undefined }, programs: straying(opened.programs()), hasher: opened.hasher, traces, inputs: createInputStore(path.join(opened.scratch, "inputs"), { logger }), logger },
  );
  await executor.prepare(new AbortController().signal);
  const daemon = runDaemon((signal) => executor.run(signal));
  try {
    const jobId = await submittedJob(arena, opened.root, publishedInput(opened.inputs));
    await journal.next("executor", "result committed", { jobId });
    hasChanged = true;
    const { program } = await opened.load();
    const blockIndex = program.blocks.findIndex(({ innerCount }) => innerCount > 0);
    const { rules } = await getParameters(arena.chain);
    const { digest } = await committed(arena, jobId);
    const { disputeId } = await openBlock(arena.sender("watcher"), { jobId, digest, bond: rules.bond }, proveBlock(program, blockIndex));
    expect(await journal.next("executor", "task failed")).toMatchObject({ task: `defend ${disputeId}/0`, code: "EXPANSION_STRAYED", reason: expect.stringContaining("start the executor again") as string });
    const { turnStart, deadline } = await getDispute(arena.chain, disputeId);
    await arena.pass(Math.ceil((deadline - turnStart) * 0.8));
    // What failed is tried again at a new head.
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 500);
    await until("the executor has answered", async () => (await getDispute(arena.chain, disputeId)).phase === "expanded").finally(() => clearInterval(nudge));
    const trace = await (await opened.load()).execute(opened.inputs);
    const inner = await (await opened.load()).expand(blockIndex, { inputs: opened.inputs, tensors: trace.tensors.map(({ bytes }) => bytes) });
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ position: { innerRoot: innerRootOf(inner.tensors) } });
  } finally {
    await daemon.stop();
    await traces.stop();
  }
});
