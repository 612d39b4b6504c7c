import { expect } from "vitest";
import type { Hex } from "viem";
import { childChoice, revealedChildren } from "../../../protocol/dispute/bisection.ts";
import { toHex } from "../../../protocol/hex.ts";
import { chunkAt } from "../../../protocol/trees/tensorTree.ts";
import { createWorld, jobStatus, outcomes, phases, Reverted } from "../helpers/createWorld.ts";
import { borderArgs, namedStep } from "../helpers/playGame.ts";
import { makeBlockProgram, makeTrace, makeWitness, noBlock, provedBlock, stepAt, treeOf, type TestProgram } from "../helpers/program.ts";
import { commitArgs, noSeal, register, salt, sealOf, submission } from "../helpers/scenes.ts";
import type { Edge, Node } from "./explore.ts";
import { bondOf, lastSecond, stands, type Account, type Move, type Player, type State, type Terms } from "./model.ts";

const burnAddress = "0x000000000000000000000000000000000000dEaD";
const zeroAddress = `0x${"00".repeat(20)}`;
const jobId = 1n;

/** The real contracts, standing where the model's initial state stands. */
export async function createStage(terms: Terms, stakes: Partial<Record<Player, number>>) {
  const world = await createWorld({
    withdrawalDelay: 1000,
    limits: { minClaimWindow: 1, maxClaimWindow: 1000, minDeliveryWindow: 1, maxDeliveryWindow: 1000, minChallengeWindow: 1, maxChallengeWindow: 1000, minCollateral: 1n, rewardCap: BigInt(terms.rewardCap), maxLifetime: terms.lifetime, collateralPerFee: 1 },
    rules: { bond: BigInt(terms.bond), clock: terms.clock, extension: terms.extension, demandBond: BigInt(terms.bond), maxDemands: terms.maxDemands, sealAge: terms.sealAge },
  });
  const bytesOf = (chunks: number): number => chunks * 1024 - 7;
  const last = terms.chunks.length - 1;
  const program = makeBlockProgram(terms.chunks.map((chunks, i) => [...(i === last ? terms.inner : []).map((inside) => ({ bytes: bytesOf(inside) })), { bytes: bytesOf(chunks), isBorder: true, readsInner: i === last }]));
  const trace = makeTrace(program);
  await register(world, program);
  for (const [player, value] of Object.entries(stakes)) await world.send("stakes", "deposit", [], { from: player as Player, value: BigInt(value) });
  const start = BigInt(await world.time.latest()) + 100n;
  const { claimWindow, deliveryWindow, challengeWindow } = terms;
  const expiry = terms.expiry === 0 ? 0n : start + BigInt(terms.expiry);
  const windows = { collateral: BigInt(terms.collateral), claimWindow, deliveryWindow, challengeWindow, expiry };
  await world.send("jobs", "submit", [submission(program, windows)], { from: "requester", value: BigInt(terms.fee), at: start });
  return { world, terms, program, trace, start };
}

type Stage = Awaited<ReturnType<typeof createStage>>;

/** Counts of what was played on the chain. */
export interface Played {
  accepted: number;
  rejected: number;
}

/** Plays every edge of the search on the contracts and compares what they say with the model; `take` may leave edges out. */
export async function replay(stage: Stage, node: Node, take: (edge: Edge) => boolean, played: Played, path: string[] = []): Promise<void> {
  const restore = await stage.world.snapshot();
  for (const edge of node.edges) {
    if (!take(edge)) continue;
    const here = [...path, JSON.stringify(edge.move)];
    const said = `after ${here.join(" ")}`;
    if (edge.move.kind !== "wait") {
      const accepted = await perform(stage, node.state, edge.move).then(
        () => true,
        (error: unknown) => {
          if (error instanceof Reverted) return false;
          throw new Error(said, { cause: error });
        },
      );
      expect(accepted, said).toBe(edge.after !== undefined);
      played[accepted ? "accepted" : "rejected"]++;
      if (edge.after !== undefined) await compare(stage, edge.after, said);
    }
    if (edge.child !== undefined) await replay(stage, edge.child, take, played, here);
    if (edge.move.kind !== "wait") await restore.restore();
  }
}

/** Makes the model's move on the contracts, in the second in which the model makes it; throws `Reverted`. */
export async function perform(stage: Stage, state: State, move: Move): Promise<unknown> {
  if (move.kind === "wait") return;
  const { world, program, trace } = stage;
  const call = { from: move.by, at: stage.start + BigInt(state.now + 1) };
  const bonded = { ...call, value: BigInt(stage.terms.bond) };
  switch (move.kind) {
    case "claim":
    case "finalize":
    case "expire":
    case "cancel":
      return world.send("jobs", move.kind, [jobId], call);
    case "commit":
      return world.send("jobs", "commit", commitArgs(jobId, program, trace), call);
    case "openSealed":
      return world.send("disputes", "open", [jobId, move.attempt, sealOf(world.address[move.by], makeWitness(program, move.fraud ? 1n : 0n))], bonded);
    case "openBisection":
      return world.send("disputes", "open", [jobId, move.attempt, noSeal], bonded);
    case "openBlock":
      return world.send("disputes", "openBlock", [jobId, move.attempt, provedBlock(program, lastBlock(program))], bonded);
    case "demand":
      return world.send("disputes", "demand", [jobId, move.attempt, ...questionOf(stage, move)], bonded);
    case "demandNext":
      return world.send("disputes", "demandNext", [idOf(move), move.turn, ...questionOf(stage, move)], bonded);
    case "answer": {
      const { position } = await world.dispute(idOf(move));
      return world.send("disputes", "answer", [idOf(move), move.turn, { ...makeWitness(program, position.index), stepIndex: position.stepIndex }], call);
    }
    case "expand":
      return world.send("disputes", "expand", [idOf(move), move.turn, trace.inner[lastBlock(program)]?.root], call);
    case "descend":
      return world.send("disputes", "descend", [idOf(move), move.turn], call);
    case "border": {
      const [, , ...proof] = await borderArgs({ world, program, trace, disputeId: idOf(move) }, program.tensorBytes.length - 1);
      return world.send("disputes", "chooseBorder", [idOf(move), move.turn, ...proof], call);
    }
    case "concede":
      return world.send("disputes", "concede", [idOf(move)], call);
    case "refute":
      return world.send("disputes", "refute", [idOf(move), salt, makeWitness(program, move.fraud ? 1n : 0n)], call);
    case "seal":
      return world.send("disputes", "seal", [idOf(move), move.turn, sealOf(world.address[move.by], makeWitness(program, move.fraud ? 1n : 0n))], call);
    case "timeout":
    case "close":
      return world.send("disputes", move.kind, [idOf(move)], call);
    default:
      return world.send("disputes", ...answer(stage, state, move), call);
  }
}

/** A move of the bisection with its nodes; every tree here is descended by one reveal. */
function answer({ program, trace }: Stage, state: State, move: Extract<Move, { kind: "reveal" | "revealChunk" | "choose" | "chooseBlock" }>): [string, unknown[]] {
  const dispute = state.disputes[move.dispute] as State["disputes"][number];
  const block = dispute.inner ? lastBlock(program) : undefined;
  const list = block === undefined ? trace : (trace.inner[block] as Stage["trace"]["inner"][number]);
  const tree = dispute.tensor === -1 ? list.tree : treeOf(trace, dispute.tensor, block);
  if (move.kind === "revealChunk") {
    const data = toHex(chunkAt(list.tensors[dispute.tensor] as Uint8Array, dispute.chunk));
    return ["revealChunk", [idOf(move), move.turn, move.right ? data : spoil(data)]];
  }
  const depth = tree.depth;
  const children = revealedChildren(tree, { height: depth, index: 0 });
  if (move.kind === "reveal") {
    const nodes = children.map(toHex);
    return ["reveal", [idOf(move), move.turn, move.right ? nodes : [spoil(nodes[0] as Hex), ...nodes.slice(1)]]];
  }
  const index = move.kind === "chooseBlock" ? program.tensorBytes.length - 1 : move.index;
  const { child, siblings } = childChoice(children, Math.min(index, children.length - 1));
  const choice = [idOf(move), move.turn, BigInt(index), toHex(child), siblings.map(toHex)];
  if (move.kind === "chooseBlock") return ["chooseBlock", [...choice, provedBlock(program, lastBlock(program))]];
  if (dispute.tensor !== -1) return ["choose", choice];
  return ["chooseTensor", [...choice, ...namedStep(program, Math.max(0, stepAt(program, dispute.inner ? 3 : 2, index, block)))]];
}

/** The block that has an inside. */
function lastBlock(program: TestProgram): number {
  return program.blocks.length - 1;
}

/** A question about the first element of the inside, or of the first tensor; element 1 is a fraud. */
function questionOf({ program }: Stage, { fraud, inside }: { fraud: boolean; inside: boolean }): unknown[] {
  const [stepIndex, step, proof] = namedStep(program, stepAt(program, inside ? 3 : 2, 0, lastBlock(program)));
  return [stepIndex, fraud ? 1n : 0n, step, proof, inside ? provedBlock(program, lastBlock(program)) : noBlock];
}

/** Status, phases, clocks and every wei. */
async function compare({ world, terms, start }: Stage, state: State, said: string): Promise<void> {
  const job = await world.job(jobId);
  const live = state.disputes.filter((dispute) => dispute.phase !== "ended");
  expect({ status: job.status, attempt: job.attempt, deadline: Number(job.deadline - start), executor: job.executor, openDisputes: job.openDisputes }, said).toEqual({
    status: jobStatus[state.status],
    attempt: state.attempt,
    deadline: state.deadline,
    executor: state.worker === undefined ? zeroAddress : world.address[state.worker],
    openDisputes: live.filter((dispute) => stands(state, dispute)).length,
  });
  for (const [index, dispute] of state.disputes.entries()) {
    const found = await world.dispute(BigInt(index + 1));
    const ended = dispute.phase === "ended";
    expect({ phase: found.phase, outcome: found.outcome, turn: found.turn, attempt: found.attempt, challenger: found.challenger }, said).toEqual({ phase: phases[dispute.phase], outcome: outcomes[dispute.outcome], turn: dispute.turn, attempt: dispute.attempt, challenger: world.address[dispute.challenger] });
    if (!ended) expect([found.deadline, found.challengerClock, found.defenderClock], said).toEqual([start + BigInt(lastSecond(dispute)), dispute.challengerClock, dispute.defenderClock]);
  }
  for (const [player, account] of Object.entries(state.accounts) as [Player, Account][]) {
    const { free, locked, credits } = await world.account(player);
    expect([Number(free), Number(locked), Number(credits)], `${player} ${said}`).toEqual([account.free, account.locked, account.credits]);
  }
  const balances = [];
  const { stakes, jobs, disputes } = world.deployment.contracts;
  for (const address of [stakes, jobs, disputes, burnAddress] as const) balances.push(Number(await world.publicClient.getBalance({ address })));
  const owed = Object.values(state.accounts).reduce((sum, { free, locked, credits }) => sum + free + locked + credits, 0);
  const running = state.status !== "final" && state.status !== "cancelled";
  expect(balances, said).toEqual([owed, running ? terms.fee : 0, live.reduce((sum, dispute) => sum + bondOf(terms, dispute), 0), state.burnt]);
}

function idOf(move: { dispute: number }): bigint {
  return BigInt(move.dispute + 1);
}

function spoil(hex: Hex): Hex {
  return `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}` as Hex;
}
