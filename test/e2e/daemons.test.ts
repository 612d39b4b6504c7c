import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StagedDaemon } from "../../cli/commands/demo/createStage.ts";
import { openTheatre, sampleImage, type Theatre } from "../../cli/commands/demo/theatre.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import type { Job } from "../../runtime/chain/types.ts";
import { artifactsFolder } from "../../runtime/devnet/packageRoot.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { createJournal, type Journal } from "./support/createJournal.ts";
import { realMnist } from "./support/openModel.ts";

// Real processes on one development chain. The scenes build on each other in order, as a day at a node would.
const built = existsSync(path.join(artifactsFolder(), "contracts", "Disputes.sol", "Disputes.json"));
const slow = 180_000;
/** A pause between two looks at the chain that leaves time to end a daemon before it makes its next move. */
const unhurried = ["--polling-interval-ms", "4000"];

describe.skipIf(!built)("executors and watchers as processes", () => {
  let home: string;
  let theatre: Theatre;
  let journal: Journal;
  let mnistRoot: string | undefined;
  let executor: StagedDaemon;
  let watcher: StagedDaemon;
  const mnistJobs: bigint[] = [];

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), "gainsay-daemons-"));
    journal = createJournal(60_000);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
    theatre = await openTheatre({ home, env, logger: silentLogger(), onLog: journal.note });
    if (!realMnist.present) return;
    const registered = await theatre.as("requester", ["model", "register", realMnist.file]);
    mnistRoot = String(registered["programRoot"]);
  }, slow);
  afterAll(async () => {
    await theatre?.close();
    await rm(home, { recursive: true, force: true });
  });

  const submit = async (programRoot: string, input: string): Promise<bigint> => {
    const terms = ["--fee", "0.01", "--collateral", "1", "--claim-window", "300", "--delivery-window", "60", "--challenge-window", "16"];
    return BigInt(String((await theatre.as("requester", ["job", "submit", programRoot, "--input", input, ...terms]))["jobId"]));
  };
  const untilFinal = async (jobId: bigint): Promise<Job> => {
    await theatre.stage.run(["job", "wait", jobId.toString(), "--timeout", "90"]);
    return getJob(theatre.chain, jobId);
  };
  const labelOf = async (jobId: bigint): Promise<unknown> => (await theatre.stage.run(["job", "result", jobId.toString()]))["label"];

  it("a bisection goes on to the conviction although executor and watcher are killed in the middle of it", { timeout: slow }, async () => {
    const cheat = ["--misbehave", "step=2/1040,withhold", "--program", theatre.programRoot];
    let cheater = await theatre.startExecutor("executor-2", cheat);
    watcher = await theatre.startWatcher(unhurried);
    const jobId = await submit(theatre.programRoot, `image=${sampleImage(7)}`);

    const opened = await journal.next("watcher-1", "dispute opened by bisection");
    await watcher.stop("SIGKILL");
    const disputeId = BigInt(String(opened["disputeId"]));
    expect(await journal.next("executor-2", "answered dispute")).toMatchObject({ disputeId: disputeId.toString(), phase: "reveal" });
    await cheater.stop("SIGKILL");
    expect(await getDispute(theatre.chain, disputeId)).toMatchObject({ phase: "choose", turn: 1 });

    watcher = await theatre.startWatcher();
    await journal.next("watcher-1", "chose a node of the bisection");
    await watcher.stop("SIGKILL");
    expect(await getDispute(theatre.chain, disputeId)).toMatchObject({ phase: "reveal", turn: 2, position: { tensor: 2 } });

    cheater = await theatre.startExecutor("executor-2", cheat);
    await journal.next("executor-2", "answered dispute", { turn: 2 });
    watcher = await theatre.startWatcher(unhurried);
    await journal.next("watcher-1", "executor convicted", { disputeId });
    expect(await getDispute(theatre.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect((await readDisputeMoves(theatre.chain, disputeId)).find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: 2, element: 1040 });
    expect(await getDisputeCount(theatre.chain)).toBe(1n);
    expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "open" });
    await cheater.stop();
  });

  it.skipIf(!realMnist.present)("jobs on the MNIST model wait for an executor (needs ../shared/models/mnist)", { timeout: slow }, async () => {
    const folder = path.dirname(path.dirname(realMnist.input));
    for (const i of [0, 1, 2]) mnistJobs.push(await submit(mnistRoot as string, `Input3=${path.join(folder, `test_data_set_${i}`, "input_0.pb")}`));
    for (const jobId of mnistJobs) expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "open", executor: undefined });
  });

  it("an honest executor with other options than the watcher's delivers although it was killed after its claim, and nobody disputes", { timeout: slow }, async () => {
    const options = ["--optimization", "disabled", "--threads", "1"];
    // The commitment follows the claim at the next look at the chain.
    const victim = await theatre.startExecutor("executor-1", [...options, ...unhurried]);
    await journal.next("executor-1", "job claimed", { jobId: 1 });
    await victim.stop("SIGKILL");
    expect(await getJob(theatre.chain, 1n)).toMatchObject({ status: "claimed", attempt: 2, executor: theatre.accounts["executor-1"] });
    executor = await theatre.startExecutor("executor-1", options);
    expect(await journal.next("executor-1", "result committed")).toMatchObject({ jobId: "1", attempt: 2 });
    expect(await untilFinal(1n)).toMatchObject({ status: "final", attempt: 2, executor: theatre.accounts["executor-1"] });
    expect(await labelOf(1n)).toBe(7);
    expect(await journal.next("watcher-1", "commitment verified", { jobId: 1 })).toMatchObject({ jobId: "1", attempt: 2 });
    expect(await getDisputeCount(theatre.chain)).toBe(1n);
  });

  it.skipIf(!realMnist.present)("the MNIST model reads its three real digits (needs ../shared/models/mnist)", { timeout: slow }, async () => {
    for (const job of await Promise.all(mnistJobs.map(untilFinal))) expect(job).toMatchObject({ status: "final", attempt: 1 });
    expect(await Promise.all(mnistJobs.map(labelOf))).toEqual([5, 0, 4]);
    const verified = journal.of("watcher-1").filter(({ message }) => message === "commitment verified");
    for (const jobId of mnistJobs) expect(verified).toContainEqual(expect.objectContaining({ jobId: jobId.toString(), attempt: 1 }));
    expect(await getDisputeCount(theatre.chain)).toBe(1n);
  });

  it("a sealed refutation outlives the watcher that is killed between the seal and the refutation", { timeout: slow }, async () => {
    await executor.stop();
    const cheater = await theatre.startExecutor("executor-2", ["--misbehave", "answer", "--program", theatre.programRoot]);
    const jobId = await submit(theatre.programRoot, `image=${sampleImage(3)}`);
    const { disputeId } = await journal.next("watcher-1", "dispute opened with a sealed refutation", { jobId });
    await watcher.stop("SIGKILL");
    expect(await getDispute(theatre.chain, BigInt(String(disputeId)))).toMatchObject({ phase: "sealed", outcome: "none" });
    watcher = await theatre.startWatcher();
    await journal.next("watcher-1", "executor convicted", { disputeId });
    expect(await getDispute(theatre.chain, BigInt(String(disputeId)))).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect(await getDisputeCount(theatre.chain)).toBe(2n);
    expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "open", attempt: 2 });
    await cheater.stop();
  });
});
