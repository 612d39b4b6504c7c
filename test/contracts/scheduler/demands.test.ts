import { beforeAll, describe, expect, it } from "vitest";
import { createWorld, outcomes, phases, Reverted, testConfig, type World } from "../helpers/createWorld.ts";
import { namedStep } from "../helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, noBlock, type TestProgram } from "../helpers/program.ts";
import { collateral, committedJob, register } from "../helpers/scenes.ts";
import { demandMoves, lastSecondOf, newDemands, playDemand, type DemandMove, type DemandState, type DemandTerms } from "./demandModel.ts";

/** Moves that are played from each opening, in every order; `GAINSAY_SCHEDULER=5` is the deep run. */
const depth = Number(process.env["GAINSAY_SCHEDULER"] ?? 3);
const terms: DemandTerms = { demandBond: 77, maxDemands: 3, clock: 30, sealAge: 3, collateral: Number(collateral), rewardCap: 4000 };
const [FRAUD, SOUND, OTHER] = [1n, 5n, 6n];

const openings: [string, DemandMove[]][] = [
  ["nothing", []],
  ["a demand of a fraud and one of a sound element", [{ kind: "demand", by: "challenger", fraud: true }, { kind: "demand", by: "rival", fraud: false }]],
  ["two answers of three", [{ kind: "demand", by: "rival", fraud: false }, { kind: "answer", by: "executor", game: 0, turn: 0, asked: true }, { kind: "demandNext", by: "rival", game: 0, turn: 1, fraud: false, pays: true }, { kind: "answer", by: "stranger", game: 0, turn: 2, asked: true }]],
  ["an answer in the last second", [{ kind: "demand", by: "challenger", fraud: false }, { kind: "wait", until: 31 }, { kind: "answer", by: "executor", game: 0, turn: 0, asked: true }]],
];

describe("demands", () => {
  let world: World;
  let program: TestProgram;
  let jobId: bigint;
  let start: bigint;

  beforeAll(async () => {
    const { demandBond, maxDemands, clock, sealAge, rewardCap } = terms;
    world = await createWorld({ ...testConfig, limits: { ...testConfig.limits, rewardCap: BigInt(rewardCap) }, rules: { ...testConfig.rules, bond: 1n, clock, extension: 10, demandBond: BigInt(demandBond), maxDemands, sealAge } });
    program = makeProgram([3000, 20, 30]);
    await register(world, program);
    jobId = await committedJob(world, program, makeTrace(program));
    start = BigInt(await world.time.latest()) + 5n;
  });

  const element = (fraud: boolean): bigint => (fraud ? FRAUD : SOUND);
  const perform = (state: DemandState, move: Exclude<DemandMove, { kind: "wait" }>): Promise<unknown> => {
    const call = { from: move.by, at: start + BigInt(state.now + 1) };
    const named = (fraud: boolean) => {
      const [index, step, proof] = namedStep(program, 0);
      return [index, element(fraud), step, proof, noBlock] as const;
    };
    const value = BigInt(terms.demandBond);
    if (move.kind === "demand") return world.send("disputes", "demand", [jobId, 1, ...named(move.fraud)], { ...call, value });
    const disputeId = BigInt(move.game + 1);
    if (move.kind === "demandNext") return world.send("disputes", "demandNext", [disputeId, move.turn, ...named(move.fraud)], { ...call, value: move.pays ? value : value - 1n });
    if (move.kind !== "answer") return world.send("disputes", move.kind, [disputeId], call);
    const asked = element(state.games[move.game]?.fraud ?? false);
    return world.send("disputes", "answer", [disputeId, move.turn, makeWitness(program, move.asked ? asked : OTHER)], call);
  };

  const compare = async (state: DemandState, said: string): Promise<void> => {
    for (const [index, game] of state.games.entries()) {
      const found = await world.dispute(BigInt(index + 1));
      expect({ phase: found.phase, outcome: found.outcome, turn: found.turn, bond: found.bond, challenger: found.challenger }, said).toEqual({
        phase: phases[game.phase],
        outcome: outcomes[game.outcome],
        turn: game.turn,
        bond: BigInt(game.demands * terms.demandBond),
        challenger: world.address[game.challenger],
      });
      if (game.phase !== "ended") expect([found.deadline, found.challengerClock, found.defenderClock], said).toEqual([start + BigInt(lastSecondOf(game)), game.challengerClock, game.defenderClock]);
    }
    for (const [player, credits] of Object.entries(state.credits)) {
      const account = await world.account(player as "executor");
      const isWorker = player === "executor";
      expect([account.credits, account.locked], `${player} ${said}`).toEqual([BigInt(credits), isWorker && !state.slashed ? collateral : 0n]);
    }
    const open = state.games.filter(({ phase }) => phase !== "ended").reduce((sum, { demands }) => sum + demands, 0);
    expect(await world.publicClient.getBalance({ address: world.deployment.contracts.disputes }), said).toBe(BigInt(open * terms.demandBond));
  };

  const playAll = async (state: DemandState, left: number, path: string[], counts: { accepted: number; rejected: number }): Promise<void> => {
    if (left === 0) return;
    const snapshot = await world.snapshot();
    for (const move of demandMoves(terms, state)) {
      const after = playDemand(terms, state, move);
      const said = [...path, JSON.stringify(move)].join(" ");
      if (move.kind !== "wait") {
        const accepted = await perform(state, move).then(
          () => true,
          (error: unknown) => {
            if (error instanceof Reverted) return false;
            throw new Error(said, { cause: error });
          },
        );
        expect(accepted, said).toBe(after !== undefined);
        counts[accepted ? "accepted" : "rejected"]++;
        if (after !== undefined) await compare(after, said);
      }
      if (after !== undefined) await playAll(after, left - 1, [...path, JSON.stringify(move)], counts);
      if (move.kind !== "wait") await snapshot.restore();
    }
  };

  it.each(openings)("go as the documents say, in every order after %s", { timeout: depth > 3 ? 7_200_000 : 60_000 }, async (_, prefix) => {
    const snapshot = await world.snapshot();
    let state = newDemands();
    for (const move of prefix) {
      const after = playDemand(terms, state, move);
      expect(after, JSON.stringify(move)).toBeDefined();
      if (move.kind !== "wait") await perform(state, move);
      state = after as DemandState;
    }
    const counts = { accepted: 0, rejected: 0 };
    await playAll(state, depth - 1, [], counts);
    expect(counts.accepted).toBeGreaterThan(0);
    expect(counts.rejected).toBeGreaterThan(0);
    if (depth > 3) console.info(counts);
    await snapshot.restore();
  });
});
