import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWorld, expectRevert, testConfig, type Role, type World } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace, makeWitness } from "./helpers/program.ts";
import { commit, noSeal, open, register, salt, sealOf, submit } from "./helpers/scenes.ts";

const parties = ["executor", "requester", "challenger"] as const;
type Party = (typeof parties)[number];
type Changes = Record<Party, bigint>;

const collateral = 20_000n;
const fee = collateral / 4n;
const config = { ...testConfig, limits: { ...testConfig.limits, collateralPerFee: 4 } };
const { bond } = config.rules;
const nobody: Changes = { executor: 0n, requester: 0n, challenger: 0n };
const program = makeProgram([1500, 20, 30]);
const trace = makeTrace(program);

let world: World;
let restore: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld(config);
  await register(world, program);
  for (const party of parties) await world.send("stakes", "deposit", [], { from: party, value: 2n * collateral });
  await world.send("stakes", "deposit", [], { from: "second", value: collateral });
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(() => restore());

/** What is in an account's name in the contracts. Gas is left out: it comes off everybody's result. */
async function wealth(party: Role): Promise<bigint> {
  const { free, locked, pending, credits } = await world.account(party);
  return free + locked + pending + credits;
}

/** Plays a scene and tells what it changed for each party: what is in its name afterwards, less what it had and what it paid. */
async function changes(play: (pay: (party: Party, amount: bigint) => bigint) => Promise<unknown>): Promise<Changes> {
  const paid: Changes = { ...nobody };
  const before = await Promise.all(parties.map(wealth));
  await play((party, amount) => {
    paid[party] += amount;
    return amount;
  });
  const after = await Promise.all(parties.map(wealth));
  return Object.fromEntries(parties.map((party, i) => [party, (after[i] as bigint) - (before[i] as bigint) - paid[party]])) as Changes;
}

type Pay = (party: Party, amount: bigint) => bigint;

async function claimed(pay: Pay): Promise<bigint> {
  const jobId = await submit(world, program, { collateral }, pay("requester", fee));
  await world.send("jobs", "claim", [jobId], { from: "executor" });
  return jobId;
}

async function committed(pay: Pay): Promise<bigint> {
  const jobId = await claimed(pay);
  await commit(world, jobId, program, trace);
  return jobId;
}

async function convict(jobId: bigint, pay: Pay): Promise<void> {
  const witness = makeWitness(program, 1n);
  const disputeId = await open(world, jobId, sealOf(world.address.challenger, witness), { value: pay("challenger", bond) });
  await world.time.increase(testConfig.rules.sealAge);
  await world.send("disputes", "refute", [disputeId, salt, witness], { from: "challenger" });
}

/** After a conviction or a missed delivery the requester takes its fee back, so that what is left is what the event moved. */
const refund = (jobId: bigint) => world.send("jobs", "cancel", [jobId], { from: "requester" });

const reward = collateral / 2n;
const compensation = collateral / 5n;
const penalty = collateral / 20n;

/** What can happen, who brings it about, and what docs/security.md says that it moves. */
const events: { name: string; by: Party[]; play: (pay: Pay) => Promise<unknown>; moves: Changes; final?: boolean }[] = [
  {
    name: "a false commitment, convicted by a refutation",
    by: ["executor", "challenger"],
    play: async (pay) => {
      const jobId = await committed(pay);
      await convict(jobId, pay);
      await refund(jobId);
    },
    moves: { executor: -collateral, requester: compensation, challenger: reward },
  },
  {
    name: "a conviction by the clock of a defender that keeps silent",
    by: ["executor", "challenger"],
    play: async (pay) => {
      const jobId = await committed(pay);
      const disputeId = await open(world, jobId, noSeal, { value: pay("challenger", bond) });
      await world.time.increase(1000);
      await world.send("disputes", "timeout", [disputeId], { from: "stranger" });
      await refund(jobId);
    },
    moves: { executor: -collateral, requester: compensation, challenger: reward },
  },
  {
    name: "a dispute that the challenger loses",
    by: ["challenger"],
    play: async (pay) => {
      const jobId = await committed(pay);
      const disputeId = await open(world, jobId, sealOf(world.address.challenger, makeWitness(program, 0n)), { value: pay("challenger", bond) });
      await world.time.increase(1000);
      await world.send("disputes", "timeout", [disputeId], { from: "stranger" });
      await world.send("jobs", "finalize", [jobId], { from: "stranger" });
    },
    moves: { executor: bond + fee, requester: -fee, challenger: -bond },
    final: true,
  },
  {
    // The fourth party, whose refutation convicts, is nobody's accomplice.
    name: "a dispute that another conviction makes void",
    by: ["executor", "challenger"],
    play: async (pay) => {
      const jobId = await committed(pay);
      const lost = await open(world, jobId, noSeal, { value: pay("challenger", bond) });
      const witness = makeWitness(program, 1n);
      const won = await open(world, jobId, sealOf(world.address.rival, witness), { from: "rival" });
      await world.time.increase(testConfig.rules.sealAge);
      await world.send("disputes", "refute", [won, salt, witness], { from: "rival" });
      await world.send("disputes", "close", [lost], { from: "stranger" });
      await refund(jobId);
    },
    moves: { executor: -collateral, requester: compensation, challenger: 0n },
  },
  {
    name: "a missed delivery",
    by: ["executor"],
    play: async (pay) => {
      const jobId = await claimed(pay);
      await world.time.increase(600);
      await world.send("jobs", "expire", [jobId], { from: "stranger" });
      await refund(jobId);
    },
    moves: { executor: -penalty, requester: penalty, challenger: 0n },
  },
  {
    name: "a job that nobody disputes",
    by: ["executor", "requester"],
    play: async (pay) => {
      const jobId = await committed(pay);
      await world.time.increase(300);
      await world.send("jobs", "finalize", [jobId], { from: "stranger" });
    },
    moves: { executor: fee, requester: -fee, challenger: 0n },
    final: true,
  },
];

const coalitions: Party[][] = [["executor"], ["requester"], ["challenger"], ["executor", "challenger"], ["executor", "requester"], ["requester", "challenger"], [...parties]];
const gainOf = (coalition: readonly Party[], moved: Changes): bigint => coalition.reduce((sum, party) => sum + moved[party], 0n);

describe("what every coalition gains", () => {
  for (const { name, by, play, moves, final } of events) {
    it(`from ${name}`, async () => {
      const moved = await changes(play);
      expect(moved).toEqual(moves);
      for (const coalition of coalitions) {
        if (!by.every((party) => coalition.includes(party))) continue;
        // The fee of a final job is what a requester outside pays for its result, and no gain from the event.
        const earned = final === true && coalition.includes("executor") && !coalition.includes("requester") ? fee : 0n;
        expect(gainOf(coalition, moved), coalition.join(" + ")).toBeLessThanOrEqual(earned);
      }
      // All three together only ever lose: money is burnt, never made.
      expect(gainOf(parties, moved)).toBeLessThanOrEqual(0n);
    });
  }

  it("and a cheat that convicts itself, with both others on its side, burns more than the fee", async () => {
    const moved = await changes(events[0]?.play as (typeof events)[number]["play"]);
    expect(gainOf(["executor", "challenger"], moved)).toBe(-collateral / 2n);
    expect(gainOf(parties, moved)).toBe((-3n * collateral) / 10n);
    expect(-gainOf(parties, moved)).toBeGreaterThan(fee);
    expect((await world.read<{ collateralPerFee: number }>("jobs", "limits")).collateralPerFee).toBe(4);
    const least = 4n * fee;
    await expectRevert(submit(world, program, { collateral: least - 1n }), "CollateralTooSmall", [least - 1n, least]);
  });
});
