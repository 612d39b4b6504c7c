import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseEther, type Address, type LocalAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createStage, type StagedDaemon } from "../../../cli/commands/demo/createStage.ts";
import { commitmentOf } from "../../../node/deliverJob.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { commitJob } from "../../../runtime/chain/calls/commitJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { submitJob, type Submission } from "../../../runtime/chain/calls/submitJob.ts";
import { createChain, type Chain } from "../../../runtime/chain/createChain.ts";
import { createSender, type Sender } from "../../../runtime/chain/createSender.ts";
import { deploymentConfigs } from "../../../runtime/chain/deploymentConfig.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import type { Job, Parameters } from "../../../runtime/chain/types.ts";
import { pathsOf } from "../../../runtime/config/paths.ts";
import { startDevnet } from "../../../runtime/devnet/startDevnet.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createJournal, type Journal } from "../../e2e/support/createJournal.ts";
import { publishedInput, type Committed } from "../../e2e/support/players.ts";
import { until } from "../../runtime/chain/localChain.ts";
import { createClock, type Clock } from "./createClock.ts";
import { openPeer, type Peer } from "./openPeer.ts";
import { openKinds, openDigits, type Subject } from "./subjects.ts";

export const fee = parseEther("0.01");
export const collateral = parseEther("1");

/** Windows in seconds. A window is as long as a slow machine may need; where it has to run out, the clock jumps. */
const windows = { claimWindow: 3600, deliveryWindow: 3600, challengeWindow: 600 };

/** Milliseconds after which what has not happened will not happen. */
export const PATIENCE_MS = 60_000;

export type HonestDaemon = "executor" | "watcher";

/**
 * A development chain in a process of its own, an honest executor and an honest watcher as processes with keystores, and in this
 * process a requester, the chain's clock, and as many adversaries as a scene asks for.
 */
export interface Town {
  chain: Chain;
  parameters: Parameters;
  clock: Clock;
  journal: Journal;
  /** What peers can fetch from the adversaries. */
  peer: Peer;
  /** The digit classifier, and a program with a step of each kind. */
  digits: Subject;
  kinds: Subject;
  requester: Sender;
  /** Everybody who takes part, by name. */
  parties: Record<string, Address>;
  /** Keys of those who are in this process, by name. */
  keys: Record<string, LocalAccount>;
  /** A new account with 1000 ether under this name. */
  newcomer(name: string): Promise<Sender>;
  /** The same, with twice the collateral of a job at stake. */
  staker(name: string): Promise<Sender>;
  start(daemon: HonestDaemon): Promise<void>;
  kill(daemon: HonestDaemon): Promise<void>;
  submit(subject: Subject, changes?: Partial<Submission>, by?: Sender): Promise<bigint>;
  /** Submits a job, and lets this account claim it and commit to this trace before anybody else looks. */
  deceive(by: Sender, subject: Subject, trace: Trace, changes?: Partial<Submission>, requester?: Sender): Promise<Committed>;
  commitment(jobId: bigint): Promise<Committed>;
  /** Waits until the honest executor has committed, the watcher has found that right if it is there, and the jobs are final. */
  settle(...jobIds: bigint[]): Promise<void>;
  close(): Promise<void>;
}

export async function createTown(): Promise<Town> {
  const home = await mkdtemp(path.join(tmpdir(), "gainsay-town-"));
  const closing: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    return await furnish(home, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function furnish(home: string, closing: (() => Promise<unknown>)[], close: () => Promise<void>): Promise<Town> {
  const logger = silentLogger();
  const { devnet: config } = deploymentConfigs;
  // Clocks that a busy machine cannot run out by being slow.
  const devnet = await startDevnet({ home, port: 0, accounts: ["executor", "watcher"], config: { ...config, withdrawalDelay: 3600, rules: { ...config.rules, clock: 600, extension: 120 } } }, { logger });
  closing.push(() => devnet.stop());
  const chain = await createChain({ rpcUrls: [devnet.rpcUrl], deployment: devnet.deployment }, { logger });
  const clock = await createClock(chain);
  closing.push(() => clock.stop());
  const peer = await openPeer(home);
  closing.push(() => peer.stop());
  const [digits, kinds] = await Promise.all([openDigits(), openKinds()]);
  for (const { opened } of [digits, kinds]) {
    closing.push(() => opened.close());
    await writeBundle(path.join(pathsOf(home).bundles, opened.root), opened.bundle);
  }

  const parties: Record<string, Address> = Object.fromEntries(devnet.keys.map(({ name, address }) => [name, address]));
  const keys: Town["keys"] = {};
  const newcomer: Town["newcomer"] = async (name) => {
    const account = privateKeyToAccount(generatePrivateKey());
    await clock.rpc("hardhat_setBalance", [account.address, `0x${parseEther("1000").toString(16)}`]);
    parties[name] = account.address;
    keys[name] = account;
    return createSender({ account, chain, pollingIntervalMs: 5 }, { logger });
  };
  const requester = await newcomer("requester");
  for (const { opened } of [digits, kinds]) await registerModel(requester, opened.bundle.program.header, opened.root, "bundle://town");

  const stage = createStage(home, Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_"))));
  stage.set("GAINSAY_RPC_URL", devnet.rpcUrl);
  stage.set("GAINSAY_PASSWORD_FILE", devnet.passwordFile);
  closing.push(() => stage.close());
  await stage.run(["stake", "deposit", "50", "--key", "executor"]);
  const journal = createJournal(PATIENCE_MS);
  const running = new Map<HonestDaemon, StagedDaemon>();
  const commands: Record<HonestDaemon, string[]> = {
    // It leaves adversaries the first seconds of a job, so that a scene decides who claims it.
    executor: ["executor", "start", "--claim-delay", "5", "--min-fee", "0.001", "--max-collateral", "5"],
    watcher: ["watcher", "start", "--patience", "3", "--on-withheld", "bisect"],
  };

  const commitment: Town["commitment"] = async (jobId) => {
    const job = await getJob(chain, jobId);
    if (job.traceRoot === undefined) throw new GainsayError("The job has no commitment.", { code: "TEST_NO_COMMITMENT", details: { jobId, status: job.status } });
    return { ...job, traceRoot: job.traceRoot };
  };
  const submit: Town["submit"] = async ({ opened }, changes = {}, by = requester) => {
    const { bytes, root } = publishedInput(opened.inputs);
    const { jobId } = await submitJob(by, { programRoot: opened.root, inputRoot: root, input: bytes, fee, collateral, ...windows, ...changes });
    return jobId;
  };

  const town: Town = {
    chain,
    parameters: await getParameters(chain),
    clock,
    journal,
    peer,
    digits,
    kinds,
    requester,
    parties,
    keys,
    newcomer,
    async staker(name) {
      const sender = await newcomer(name);
      await depositStake(sender, 2n * collateral);
      return sender;
    },
    async start(daemon) {
      const args = [...commands[daemon], "--name", daemon, "--key", daemon, "--polling-interval-ms", "100", "--log-level", "info"];
      running.set(daemon, await stage.start(daemon, args, (line) => journal.note(daemon, line)));
    },
    async kill(daemon) {
      await running.get(daemon)?.stop("SIGKILL");
      running.delete(daemon);
    },
    submit,
    deceive: (by, subject, trace, changes, from) =>
      clock.hold(async () => {
        const jobId = await submit(subject, changes, from);
        await claimJob(by, jobId);
        await commitJob(by, jobId, commitmentOf(subject.loaded.program, trace));
        return commitment(jobId);
      }),
    commitment,
    async settle(...jobIds) {
      let last = 0;
      for (const jobId of jobIds) {
        let job: Job | undefined;
        const isDelivered = async (): Promise<boolean> => {
          job = await getJob(chain, jobId);
          return (job.status === "committed" || job.status === "final") && job.executor?.toLowerCase() === parties["executor"]?.toLowerCase();
        };
        await until(`job ${jobId} is committed by the honest executor`, isDelivered, PATIENCE_MS);
        const { attempt, deadline } = job as Job;
        const isVerified = (): boolean => journal.of("watcher").some((line) => line.message === "commitment verified" && line["jobId"] === jobId.toString() && line["attempt"] === attempt);
        if (running.has("watcher")) await until(`the watcher has checked job ${jobId}`, isVerified, PATIENCE_MS);
        last = Math.max(last, deadline);
      }
      await clock.passTo(last + 1);
      for (const jobId of jobIds) await until(`job ${jobId} is final`, async () => (await getJob(chain, jobId)).status === "final", PATIENCE_MS);
    },
    close,
  };
  await town.start("executor");
  await town.start("watcher");
  return town;
}

