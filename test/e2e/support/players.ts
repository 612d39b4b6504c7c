import path from "node:path";
import { parseEther } from "viem";
import { innerRootOf } from "../../../protocol/dispute/defenderMove.ts";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import type { Program } from "../../../protocol/program/types.ts";
import { commitmentOf } from "../../../node/deliverJob.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { commitJob } from "../../../runtime/chain/calls/commitJob.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { openDispute } from "../../../runtime/chain/calls/openDispute.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import type { Dispute, Job } from "../../../runtime/chain/types.ts";
import { answerDispute } from "../../../runtime/disputes/answerDispute.ts";
import { defendDispute, isDefendersTurn } from "../../../runtime/disputes/defendDispute.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { BlobName } from "../../../runtime/network/blobs/blobMessages.ts";
import type { Programs } from "../../../runtime/programs/createPrograms.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { inputRootOf } from "../../../runtime/programs/splitInput.ts";
import { traceSource } from "../../../runtime/serving/traceSource.ts";
import { silentLogger, type Logger } from "../../../runtime/telemetry/createLogger.ts";
import { createTraceStore } from "../../../runtime/traces/createTraceStore.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import { createBundleFetches } from "../../../watcher/createBundleFetches.ts";
import { createCaseStore } from "../../../watcher/createCaseStore.ts";
import type { DemandBudget } from "../../../watcher/options.ts";
import type { WatcherDependencies } from "../../../watcher/dependencies.ts";
import { playDispute } from "../../../watcher/playDispute.ts";
import { blobsBy } from "./daemonParts.ts";
import type { Arena } from "./createArena.ts";
import type { OpenedModel } from "./openModel.ts";

export type Committed = Job & { traceRoot: Hex };

export const fee = parseEther("0.01");
export const collateral = parseEther("1");

/** A registered program and a job on it that the executor has claimed: everything up to the commitment. */
export async function claimedJob(arena: Arena, model: OpenedModel, input: { bytes: Uint8Array; root: Hex } = publishedInput(model.inputs)): Promise<bigint> {
  await registerModel(arena.sender("requester"), model.bundle.program.header, model.root, "bundle://test");
  await depositStake(arena.sender("executor"), 3n * collateral);
  const jobId = await submittedJob(arena, model.root, input);
  await claimJob(arena.sender("executor"), jobId);
  return jobId;
}

export async function submittedJob(arena: Arena, programRoot: Hex, { bytes, root }: { bytes?: Uint8Array | undefined; root: Hex }): Promise<bigint> {
  const { jobId } = await submitJob(arena.sender("requester"), { programRoot, inputRoot: root, fee, collateral, claimWindow: 3600, deliveryWindow: 3600, challengeWindow: 600, ...(bytes === undefined ? {} : { input: bytes }) });
  return jobId;
}

export function publishedInput(inputs: readonly Uint8Array[]): { bytes: Uint8Array; root: Hex } {
  return { bytes: new Uint8Array(Buffer.concat(inputs)), root: inputRootOf(inputs) };
}

/** Commits to the trace of the claimed job, as the executor would. */
export async function commitTo(arena: Arena, jobId: bigint, model: OpenedModel, trace: Trace): Promise<Committed> {
  await commitJob(arena.sender("executor"), jobId, commitmentOf(model.bundle.program, trace));
  return committed(arena, jobId);
}

export async function committed(arena: Arena, jobId: bigint): Promise<Committed> {
  const job = await getJob(arena.chain, jobId);
  if (job.traceRoot === undefined) throw new Error("the job has no commitment");
  return { ...job, traceRoot: job.traceRoot };
}

/** A watcher's parts around the real chain. Peers are the border: `served` is whatever trace the executor serves, if any. */
export interface WatcherParts {
  /** Where it keeps what must outlive a crash. */
  home: string;
  dependencies: WatcherDependencies;
  serve(trace: Trace | undefined): void;
  /** What is served of the inner traces of the served trace, if anything. */
  serveInner(inner: Inner | undefined): void;
  close(): Promise<void>;
}

let watchers = 0;

export async function createWatcherParts(arena: Arena, model: OpenedModel, programs: Programs, logger: Logger = silentLogger()): Promise<WatcherParts> {
  const home = path.join(model.scratch, `watcher-${++watchers}`);
  const traces = createTraceStore({ dir: path.join(home, "traces") }, { logger, hasher: model.hasher });
  const cases = await createCaseStore(path.join(home, "cases"));
  await traces.start();
  let served: Trace | undefined;
  let servedInner: Inner | undefined;
  const source = traceSource({
    openTensor: (root) => {
      const tensor = [...(served?.tensors ?? []), ...(served?.inputs ?? []), ...(servedInner?.(0) ?? [])].find((one) => one.root === root);
      return tensor === undefined ? undefined : { root, byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
    },
    openList: (root, domain) => (domain === "trace" && served?.traceRoot === root ? listOf(served.tensors) : undefined),
  });
  const fetch = async (name: BlobName): Promise<Uint8Array> => {
    const inner = servedInner?.(0);
    if (inner !== undefined && (name.kind === "inner" || (name.kind === "list" && name.root === innerRootOf(inner)))) return listOf(inner);
    const blob = await source.open(name, "nobody");
    if (blob === undefined) throw new GainsayError("Nobody serves this.", { code: "BLOB_NOT_FOUND", retryable: true });
    return name.kind === "list" ? blob.leaves() : blob.read(0, blob.byteLength);
  };
  return {
    home,
    dependencies: {
      chain: arena.chain,
      programs,
      hasher: model.hasher,
      traces,
      cases,
      fetchedBundles: path.join(home, "bundles"),
      bundles: createBundleFetches({ logger }),
      logger,
      network: { blobs: blobsBy(fetch) } as unknown as WatcherDependencies["network"],
      providers: { providersOf: () => ["peer"], stop: () => undefined },
      ledger: { jobs: new Map(), disputes: new Map(), run: async () => undefined },
    },
    serve: (trace) => void (served = trace),
    serveInner: (inner) => void (servedInner = inner),
    close: () => traces.stop(),
  };
}

function listOf(tensors: readonly CommittedTensor[]): Uint8Array {
  return new Uint8Array(Buffer.concat(tensors.map(({ root }) => Buffer.from(root.slice(2), "hex"))));
}

/** Opens a bisection as the watcher. */
export async function openBisection(arena: Arena, job: Job): Promise<bigint> {
  const { rules } = await getParameters(arena.chain);
  const { disputeId } = await openDispute(arena.sender("watcher"), { jobId: job.id, digest: job.digest, bond: rules.bond });
  return disputeId;
}

export const lastDispute = (arena: Arena): Promise<bigint> => getDisputeCount(arena.chain);

/** What demands may cost: more than any test needs. */
export const demandBudget: DemandBudget = { demands: 16, wei: parseEther("10") };

/** The committed trace as whoever answers a demand needs it. */
async function executionOf(job: Committed, trace: Trace, { programs }: WatcherDependencies, inner: Inner = () => undefined): Promise<[Program, ExecutionTensors]> {
  const loaded = (await programs.open(job.programRoot)) as LoadedProgram;
  return [loaded.program, { inputs: trace.inputs, trace: trace.tensors, inner, weight: await loaded.weights() }];
}

/** What the executor says is inside of a block. */
export type Inner = (block: number) => readonly CommittedTensor[] | undefined;

/** Moves after which a dispute that still runs will never end. */
const MANY_MOVES = 60;

/**
 * Plays a dispute move by move, each side with its own code from nothing but the chain and its own data, until it has ended or
 * neither side moves any more. Returns how it stands and how many moves there were.
 */
export async function playOut(arena: Arena, job: Committed, disputeId: bigint, trace: Trace, { dependencies }: WatcherParts, inner: Inner = () => undefined): Promise<{ dispute: Dispute; moves: number }> {
  const signal = new AbortController().signal;
  for (let moves = 0; moves < MANY_MOVES; moves++) {
    const dispute = await getDispute(arena.chain, disputeId);
    if (dispute.phase === "ended") return { dispute, moves };
    if (dispute.seal !== undefined || dispute.phase === "answer") await arena.pass(1);
    if (dispute.phase === "answer") await answerDispute(arena.sender("executor"), dispute, ...(await executionOf(job, trace, dependencies, inner)));
    else if (isDefendersTurn(dispute)) await defendDispute(arena.sender("executor"), dispute, job.digest, { trace: trace.tensors, inner });
    else await playDispute(job, dispute, arena.sender("watcher"), dependencies, demandBudget, signal);
    const next = await getDispute(arena.chain, disputeId);
    if (next.turn === dispute.turn && next.phase === dispute.phase) return { dispute: next, moves };
  }
  throw new Error("the dispute does not end");
}
