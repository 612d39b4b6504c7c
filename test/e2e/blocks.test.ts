import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { demoModel, openTheatre, sampleImage, type Theatre } from "../../cli/commands/demo/theatre.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import { artifactsFolder } from "../../runtime/devnet/packageRoot.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { createJournal, type Journal } from "./support/createJournal.ts";

// Real processes on one development chain, on a program of which only the output is posted: all the rest is inside of its one block.
const built = existsSync(path.join(artifactsFolder(), "contracts", "Disputes.sol", "Disputes.json"));
const slow = 180_000;
/** A minute of processes: `npm run test:deep` plays them. The same games without processes are in inside.test.ts. */
const thorough = process.env["GAINSAY_E2E"] === "all";
/** A convolution's result, and an element of it. */
const LIE = { step: 2, element: 1040 };

describe.skipIf(!built || !thorough)("disputes about the inside of a block, played by processes", () => {
  let home: string;
  let theatre: Theatre;
  let journal: Journal;
  let programRoot: string;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), "gainsay-blocks-"));
    journal = createJournal(60_000);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
    theatre = await openTheatre({ home, env, logger: silentLogger(), onLog: journal.note });
    const compiled = await theatre.stage.run(["model", "compile", demoModel, "--granularity", "block"]);
    expect(compiled["totals"]).toMatchObject({ steps: 6, blocks: 1, traceBytes: 40 });
    programRoot = String(compiled["programRoot"]);
    await theatre.as("requester", ["model", "register", programRoot]);
    await theatre.startWatcher();
  }, slow);
  afterAll(async () => {
    await theatre?.close();
    await rm(home, { recursive: true, force: true });
  });

  const submit = async (digit: number): Promise<bigint> => {
    const terms = ["--fee", "0.01", "--collateral", "1", "--claim-window", "300", "--delivery-window", "60", "--challenge-window", "16"];
    return BigInt(String((await theatre.as("requester", ["job", "submit", programRoot, "--input", `image=${sampleImage(digit)}`, ...terms]))["jobId"]));
  };
  const convictedIn = async (disputeId: bigint): Promise<string[]> => {
    await journal.next("watcher-1", "executor convicted", { disputeId });
    expect(await getDispute(theatre.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    const moves = await readDisputeMoves(theatre.chain, disputeId);
    expect(moves.find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: LIE.step, element: LIE.element });
    return moves.map(({ kind }) => kind);
  };

  it("a float changed inside, with all that follows from it computed soundly, is convicted by block, expansion and refutation", { timeout: slow }, async () => {
    const cheater = await theatre.startExecutor("executor-2", ["--misbehave", `step=${LIE.step}/${LIE.element}`, "--program", programRoot]);
    const jobId = await submit(7);
    expect(await journal.next("watcher-1", "fraud found", { jobId })).toMatchObject({ step: LIE.step, element: LIE.element });
    const { disputeId } = await journal.next("watcher-1", "dispute opened about the inside of a block", { jobId, block: 0 });
    expect(await journal.next("executor-2", "answered dispute")).toMatchObject({ disputeId, phase: "expand" });
    await journal.next("watcher-1", "sealed the refutation of a step inside the block", { disputeId });
    expect(await convictedIn(BigInt(String(disputeId)))).toEqual(["open", "block", "expand", "seal", "refute", "end"]);
    expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "open", attempt: 2 });
    await cheater.stop();
    await theatre.as("requester", ["job", "cancel", jobId.toString()]);
  });

  it("the same lie is convicted by bisection into the block if nothing is served", { timeout: slow }, async () => {
    const cheater = await theatre.startExecutor("executor-2", ["--misbehave", `step=${LIE.step}/${LIE.element},withhold`, "--program", programRoot]);
    const jobId = await submit(3);
    const { disputeId } = await journal.next("watcher-1", "dispute opened by bisection", { jobId });
    const kinds = await convictedIn(BigInt(String(disputeId)));
    expect(kinds.filter((kind) => ["block", "expand", "descend", "tensor", "chunk", "seal", "refute"].includes(kind))).toEqual(["block", "expand", "descend", "tensor", "chunk", "seal", "refute"]);
    expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "open", attempt: 2 });
    await cheater.stop();
    await theatre.as("requester", ["job", "cancel", jobId.toString()]);
  });

  it("an honest executor with other floats is not disputed", { timeout: slow }, async () => {
    const disputes = await getDisputeCount(theatre.chain);
    const executor = await theatre.startExecutor("executor-1", ["--optimization", "disabled", "--threads", "1", "--program", programRoot]);
    const jobId = await submit(5);
    expect(await journal.next("watcher-1", "commitment verified", { jobId })).toMatchObject({ path: "blocks recomputed" });
    await theatre.stage.run(["job", "wait", jobId.toString(), "--timeout", "90"]);
    expect(await getJob(theatre.chain, jobId)).toMatchObject({ status: "final", executor: theatre.accounts["executor-1"] });
    expect((await theatre.stage.run(["job", "result", jobId.toString()]))["label"]).toBe(5);
    expect(await getDisputeCount(theatre.chain)).toBe(disputes);
    await executor.stop();
  });
});
