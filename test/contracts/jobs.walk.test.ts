import fc from "fast-check";
import { expect, it } from "vitest";
import { createWorld, phases, Reverted, roles, testConfig, type Role, type World } from "./helpers/createWorld.ts";
import { childrenNow, choose, namedStep, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, noBlock } from "./helpers/program.ts";
import { commitArgs, noSeal, register, salt, sealOf, submission } from "./helpers/scenes.ts";

const program = makeProgram([1500, 20, 30]);
const trace = makeTrace(program);
const elements = [0n, 1n, 2n] as const;

/** What happens, as often as it stands here; and what must have happened at the end. */
const walks = {
  everything: ["deposit", "request", "withdraw", "collect", "submit", "submit", "claim", "claim", "deliver", "deliver", "deliver", "commit", "commit", "finalize", "finalize", "expire", "cancel", "sealed", "sealed", "bisect", "bisect", "refute", "refute", "refute", "reveal", "reveal", "choose", "choose", "chunk", "timeout", "close", "wait", "wait", "wait"],
  demands: ["submit", "submit", "deliver", "deliver", "deliver", "deliver", "finalize", "sealed", "refute", "demand", "demand", "demand", "answer", "answer", "answer", "ask", "ask", "concede", "timeout", "close", "collect", "wait", "wait"],
} as const;
const musts = {
  everything: ["withdraw", "collect", "finalize", "expire", "cancel", "refute", "timeout", "close", "reveal", "choose"],
  demands: ["demand", "answer", "ask", "concede", "timeout", "close"],
};
type Kind = (typeof walks)[keyof typeof walks][number];

/** One random step of the world: who acts, what, on which of the existing jobs and disputes, with which amount. */
const actionOf = (kinds: readonly Kind[]) =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    role: fc.constantFrom<Role>("requester", "executor", "second", "challenger", "rival"),
    pick: fc.constantFrom(0, 0, 0, 1, 1, 2),
    amount: fc.integer({ min: 1, max: 20_000 }),
  });

type Action = ReturnType<typeof actionOf> extends fc.Arbitrary<infer T> ? T : never;

async function act(world: World, { kind, role, pick, amount }: Action): Promise<unknown> {
  const jobs = Number(await world.read<bigint>("jobs", "jobCount"));
  const disputes = Number(await world.read<bigint>("disputes", "disputeCount"));
  const jobId = BigInt(jobs - (pick % Math.max(jobs, 1)));
  const disputeId = BigInt(disputes - (pick % Math.max(disputes, 1)));
  const from = role;
  const game: Game = { world, program, trace, disputeId, challenger: role };
  // What the challenger sealed is told by the number of its dispute, so that a refutation finds its witness again.
  const element = (id: bigint) => elements[Number(id % 3n)] as bigint;
  switch (kind) {
    case "deposit":
      return world.send("stakes", "deposit", [], { from, value: BigInt(amount) });
    case "request":
      return world.send("stakes", "requestWithdrawal", [BigInt(amount)], { from });
    case "withdraw":
    case "collect":
      return world.send("stakes", kind, [], { from });
    case "submit":
      return world.send("jobs", "submit", [submission(program, { collateral: BigInt(1000 + amount), deliveryWindow: 150 })], { from, value: BigInt(amount) });
    case "claim":
      await world.send("stakes", "deposit", [], { from, value: 25_000n });
      return world.send("jobs", "claim", [jobId], { from });
    case "deliver":
      await act(world, { kind: "claim", role, pick, amount });
      return act(world, { kind: "commit", role, pick, amount });
    case "commit": {
      const { executor } = await world.job(jobId);
      const owner = roles.find((name) => world.address[name] === executor) ?? role;
      return world.send("jobs", "commit", commitArgs(jobId, program, trace), { from: owner });
    }
    case "finalize":
    case "expire":
    case "cancel":
      return world.send("jobs", kind, [jobId], { from });
    case "sealed":
    case "bisect": {
      const seal = kind === "bisect" ? noSeal : sealOf(world.address[role], makeWitness(program, element(BigInt(disputes + 1))));
      return world.send("disputes", "open", [jobId, (await world.job(jobId)).attempt, seal], { from, value: testConfig.rules.bond });
    }
    case "refute": {
      const owner = await challengerOf(world, disputeId, role);
      const { phase, turn, sealedAt } = await world.dispute(disputeId);
      if (phase === phases.refute && sealedAt === 0n) await world.send("disputes", "seal", [disputeId, turn, sealOf(world.address[owner], makeWitness(program, element(disputeId)))], { from: owner });
      if (amount % 4 !== 0) await world.time.increase(testConfig.rules.sealAge);
      return world.send("disputes", "refute", [disputeId, salt, makeWitness(program, element(disputeId))], { from: owner });
    }
    case "reveal": {
      const { phase, turn } = await world.dispute(disputeId);
      return world.send("disputes", "reveal", [disputeId, turn, phase === phases.reveal ? await childrenNow(game) : []], { from });
    }
    case "choose":
      return (await world.dispute(disputeId)).phase === phases.choose ? choose({ ...game, challenger: await challengerOf(world, disputeId, role) }, 0) : undefined;
    case "chunk":
      return (await world.dispute(disputeId)).phase === phases.revealChunk ? revealChunk(game) : undefined;
    case "demand":
      return world.send("disputes", "demand", [jobId, (await world.job(jobId)).attempt, ...demandOf(element(BigInt(disputes + 1)))], { from, value: testConfig.rules.demandBond });
    case "answer": {
      const { turn, position } = await world.dispute(disputeId);
      if (amount % 4 !== 0) await world.time.increase(testConfig.rules.sealAge);
      return world.send("disputes", "answer", [disputeId, turn, makeWitness(program, position.index)], { from });
    }
    case "ask": {
      const { turn } = await world.dispute(disputeId);
      return world.send("disputes", "demandNext", [disputeId, turn, ...demandOf(elements[amount % 3] as bigint)], { from: await challengerOf(world, disputeId, role), value: testConfig.rules.demandBond });
    }
    case "concede":
      return world.send("disputes", "concede", [disputeId], { from: await challengerOf(world, disputeId, role) });
    case "timeout":
    case "close":
      return world.send("disputes", kind, [disputeId], { from });
    default:
      return world.time.increase(1 + (amount % 250));
  }
}

/** A demand of an element of step 0. */
function demandOf(element: bigint) {
  const [stepIndex, step, proof] = namedStep(program, 0);
  return [stepIndex, element, step, proof, noBlock] as const;
}

async function challengerOf(world: World, disputeId: bigint, otherwise: Role): Promise<Role> {
  const { challenger } = await world.dispute(disputeId);
  return roles.find((name) => world.address[name] === challenger) ?? otherwise;
}

/** Lets every clock run out, ends everything that has not ended, and takes all money out. */
async function drain(world: World): Promise<void> {
  const quietly = (call: Promise<unknown>) => call.catch((error: unknown) => expect(error).toBeInstanceOf(Reverted));
  const jobs = await world.read<bigint>("jobs", "jobCount");
  const disputes = await world.read<bigint>("disputes", "disputeCount");
  for (let round = 0; round < 2; round++) {
    await world.time.increase(20_000);
    for (let id = 1n; id <= disputes; id++) {
      await quietly(world.send("disputes", "timeout", [id], { from: "stranger" }));
      await quietly(world.send("disputes", "close", [id], { from: "stranger" }));
    }
  }
  for (let id = 1n; id <= jobs; id++) {
    for (const end of ["finalize", "expire"]) await quietly(world.send("jobs", end, [id], { from: "stranger" }));
  }
  await world.time.increase(20_000);
  for (let id = 1n; id <= jobs; id++) await quietly(world.send("jobs", "cancel", [id], { from: "stranger" }));
  for (const role of roles) {
    const { free, pending } = await world.account(role);
    if (free + pending > 0n) await world.send("stakes", "requestWithdrawal", [free + pending], { from: role });
  }
  await world.time.increase(testConfig.withdrawalDelay + 1);
  for (const role of roles) {
    await quietly(world.send("stakes", "withdraw", [], { from: role }));
    await quietly(world.send("stakes", "collect", [], { from: role }));
  }
}

it.each([{ walk: "everything" as const, numRuns: 25 }, { walk: "demands" as const, numRuns: 12 }])("owes exactly what it holds on every random walk of $walk, and at the end everybody can take everything out", async ({ walk, numRuns }) => {
  const world = await createWorld();
  await register(world, program);
  const done: Record<string, number> = {};
  const start = await world.snapshot();
  await fc.assert(
    fc.asyncProperty(fc.array(actionOf(walks[walk]), { minLength: 80, maxLength: 140 }), async (actions) => {
      await start.restore();
      for (const [i, next] of actions.entries()) {
        const refused = await act(world, next).then(
          (moved) => {
            if (moved !== undefined) done[next.kind] = (done[next.kind] ?? 0) + 1;
          },
          (error: unknown) => error,
        );
        // A refusal is fine if it is one of the contracts' own; a panic or an unknown revert is not.
        if (refused !== undefined && (!(refused instanceof Reverted) || refused.name === "Panic" || refused.name === "Error")) throw refused;
        if (i % 8 === 7) await world.expectSolvent();
      }
      await drain(world);
      await world.expectSolvent();
      const { stakes, jobs, disputes } = world.deployment.contracts;
      const left = await Promise.all([stakes, jobs, disputes].map((address) => world.publicClient.getBalance({ address })));
      expect(left).toEqual([0n, 0n, 0n]);
    }),
    { numRuns, seed: 20_240, endOnFailure: true },
  );
  // The walk is worth something only if it gets everywhere.
  for (const kind of musts[walk]) expect(done[kind] ?? 0, kind).toBeGreaterThan(0);
}, 120_000);
