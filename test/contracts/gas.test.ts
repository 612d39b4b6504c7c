import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { batchGas } from "../../scripts/bench/batchGas.ts";
import { createWorld, testConfig, type Role, type World } from "./helpers/createWorld.ts";
import { borderArgs, choose, chooseBlock, descend, expand, namedStep, reveal, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeBlockProgram, makeProgram, makeTrace, makeWitness, noBlock, provedBlock } from "./helpers/program.ts";
import { collateral, commit, commitArgs, committedJob, fee, noSeal, open, register, salt, sealOf, submission } from "./helpers/scenes.ts";

/** Gas of every action, base fee and calldata included. `GAINSAY_GAS=write` measures the table anew. */
const tablePath = path.join(import.meta.dirname, "gas.json");
const table = JSON.parse(readFileSync(tablePath, "utf8")) as Record<string, number>;
const measured: Record<string, number> = {};
const slack = 1.02;

const { bond, sealAge } = testConfig.rules;
const program = makeProgram([20_000, 20, 30]);
const trace = makeTrace(program);
let world: World;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await createWorld();
  note("Models.register", (await register(world, program)).gas);
  // Accounts that have been here before: first-time costs fall on few calls.
  for (const role of ["executor", "requester", "challenger", "rival"] as const) await world.send("stakes", "deposit", [], { from: role, value: collateral * 3n });
});
beforeEach(async () => {
  await restore?.();
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterAll(() => {
  if (process.env["GAINSAY_GAS"] === "write") writeFileSync(tablePath, `${JSON.stringify(measured, null, 2)}\n`);
});

function note(action: string, gas: bigint): void {
  measured[action] = Number(gas);
}

async function send(action: string, from: Role, args: readonly unknown[] = [], value = 0n): Promise<bigint> {
  const [contract = "", name = ""] = action.split(" ")[0]?.split(".") ?? [];
  const { gas } = await world.send(contract.toLowerCase() as "jobs", name, args, { from, value });
  note(action, gas);
  return gas;
}

function expectWithin(): void {
  for (const [action, gas] of Object.entries(measured)) {
    if (process.env["GAINSAY_GAS"] === "write") continue;
    expect(table, `${action} has no ceiling`).toHaveProperty([action]);
    expect(gas, `${action} costs more than its ceiling of ${table[action]}`).toBeLessThanOrEqual((table[action] as number) * slack);
  }
}

async function committed(): Promise<bigint> {
  const sent = await world.send("jobs", "submit", [submission(program)], { from: "requester", value: fee });
  const jobId = sent.event("Submitted")?.jobId as bigint;
  await world.send("jobs", "claim", [jobId], { from: "executor" });
  await commit(world, jobId, program, trace);
  return jobId;
}

describe("gas stays under its ceiling", () => {
  it("for money", async () => {
    await send("Stakes.deposit", "executor", [], 5n);
    await send("Stakes.requestWithdrawal", "executor", [5n]);
    await world.time.increase(1001);
    await send("Stakes.withdraw", "executor");
    await send("Stakes.credit", "stranger", [world.address.rival], 5n);
    await send("Stakes.collect", "rival");
    expectWithin();
  });

  it("for a job without a dispute", async () => {
    let total = await send("Jobs.submit", "requester", [submission(program)], fee);
    total += await send("Jobs.claim", "executor", [1n]);
    total += await send("Jobs.commit", "executor", commitArgs(1n, program, trace));
    await world.time.increase(201);
    total += await send("Jobs.finalize", "stranger", [1n]);
    note("happy path: submit, claim, commit, finalize", total);
    expectWithin();
  });

  it("for jobs in batches, each", async () => {
    for (const { size, claim, commit, finalize, total } of await batchGas()) {
      const action = size === 1 ? "without a batch" : `in a batch of ${size}`;
      for (const [name, gas] of Object.entries({ claim, commit, finalize, total })) note(`a job ${action}: ${name}`, BigInt(gas));
    }
    expectWithin();
  });

  it("for a delivery, but for the consumer's own gas", async () => {
    // An account without code takes no gas of its own.
    await world.send("jobs", "submit", [submission(program, { consumer: world.address.rival, callbackGas: 1 })], { from: "requester", value: fee });
    await world.send("jobs", "claim", [1n], { from: "executor" });
    await commit(world, 1n, program, trace);
    await world.time.increase(201);
    await world.send("jobs", "finalize", [1n], { from: "stranger" });
    await send("Jobs.deliver (without the callback)", "stranger", [1n]);
    expectWithin();
  });

  it("for a job without a dispute, in a token", async () => {
    const inToken = await createWorld(testConfig, undefined, true);
    await register(inToken, program);
    for (const role of ["executor", "requester"] as const) await inToken.send("stakes", "deposit", [], { from: role, value: collateral });
    let { gas: total } = await inToken.send("jobs", "submit", [submission(program)], { from: "requester", value: fee });
    total += (await inToken.send("jobs", "claim", [1n], { from: "executor" })).gas;
    total += (await commit(inToken, 1n, program, trace)).gas;
    await inToken.time.increase(201);
    total += (await inToken.send("jobs", "finalize", [1n], { from: "stranger" })).gas;
    note("happy path in a token", total);
    expectWithin();
  });

  it("for a job that ends otherwise", async () => {
    await world.send("jobs", "submit", [submission(program)], { from: "requester", value: fee });
    await world.send("jobs", "claim", [1n], { from: "executor" });
    await world.time.increase(501);
    await send("Jobs.expire", "stranger", [1n]);
    await send("Jobs.cancel", "requester", [1n]);
    expectWithin();
  });

  it("for a refutation", async () => {
    const jobId = await committed();
    const witness = makeWitness(program, 1n);
    await send("Jobs.unfold", "challenger", [jobId]);
    await send("Disputes.open (sealed)", "challenger", [jobId, 1, sealOf(world.address.challenger, witness)], bond);
    await open(world, jobId, noSeal, { from: "rival" });
    await world.time.increase(sealAge);
    await send("Disputes.refute (sealed, small witness)", "challenger", [1n, salt, witness]);
    await send("Disputes.close", "stranger", [2n]);
    expectWithin();
  });

  it("for a bisection to its end", async () => {
    const jobId = await committed();
    await send("Disputes.open (bisection)", "challenger", [jobId, 1, noSeal], bond);
    const game: Game = { world, program, trace, disputeId: 1n };
    note("Disputes.reveal (4 nodes)", (await reveal(game)).gas);
    note("Disputes.chooseTensor", (await choose(game, 0)).gas);
    const wideReveal = (await reveal(game)).gas;
    const choice = (await choose(game, 13)).gas;
    note("Disputes.reveal (16 nodes)", wideReveal);
    note("Disputes.choose (among 16)", choice);
    note("round: reveal of 16 nodes and choice", wideReveal + choice);
    expect(wideReveal + choice).toBeLessThanOrEqual(120_000n);
    await descend(game, 13);
    note("Disputes.revealChunk", (await revealChunk(game)).gas);
    await send("Disputes.seal", "challenger", [1n, (await world.dispute(1n)).turn, sealOf(world.address.challenger, makeWitness(program, 1n))]);
    await world.time.increase(sealAge);
    await send("Disputes.refute (end of a bisection)", "challenger", [1n, salt, makeWitness(program, 1n)]);
    expectWithin();
  });

  it("for a dispute about a block", async () => {
    const blocks = makeBlockProgram([[{ bytes: 40, isBorder: true }], [{ bytes: 20 }, { bytes: 3000 }, { bytes: 50, isBorder: true, readsInner: true }]]);
    const blockTrace = makeTrace(blocks);
    await register(world, blocks);
    const jobId = await committedJob(world, blocks, blockTrace, "executor");
    await world.send("jobs", "unfold", [jobId], { from: "stranger" });
    await send("Disputes.openBlock", "challenger", [jobId, 1, provedBlock(blocks, 1)], bond);
    const game: Game = { world, program: blocks, trace: blockTrace, disputeId: 1n };
    note("Disputes.expand", (await expand(game)).gas);
    await send("Disputes.descend", "challenger", [1n, 1]);
    await reveal(game);
    await send("Disputes.chooseBorder", "challenger", await borderArgs(game, 1));
    const other: Game = { ...game, disputeId: await open(world, jobId) };
    await reveal(other);
    note("Disputes.chooseBlock", (await chooseBlock(other, 1, 1)).gas);
    expectWithin();
  });

  it("for demands", async () => {
    const jobId = await committed();
    const [stepIndex, step, proof] = namedStep(program, 0);
    const { demandBond } = testConfig.rules;
    await send("Disputes.demand", "challenger", [jobId, 1, stepIndex, 5n, step, proof, noBlock], demandBond);
    await send("Disputes.answer (sound, small witness)", "stranger", [1n, 0, makeWitness(program, 5n)]);
    await send("Disputes.demandNext", "challenger", [1n, 1, stepIndex, 1n, step, proof, noBlock], demandBond);
    await world.send("disputes", "demand", [jobId, 1, stepIndex, 5n, step, proof, noBlock], { from: "rival", value: demandBond });
    await world.send("disputes", "answer", [2n, 0, makeWitness(program, 5n)], { from: "stranger" });
    await send("Disputes.concede", "rival", [2n]);
    await world.time.increase(sealAge);
    await send("Disputes.answer (conviction, small witness)", "stranger", [1n, 2, makeWitness(program, 1n)]);
    expectWithin();
  });

  it("for the clock", async () => {
    const jobId = await committed();
    await open(world, jobId, sealOf(world.address.challenger, makeWitness(program, 0n)));
    await open(world, jobId, noSeal, { from: "rival" });
    await world.time.increase(301);
    await send("Disputes.timeout (challenger late)", "stranger", [1n]);
    await send("Disputes.timeout (defender late)", "stranger", [2n]);
    expectWithin();
  });
});

it("has a ceiling for nothing that is no longer measured", () => {
  if (process.env["GAINSAY_GAS"] !== "write") expect(Object.keys(table).sort()).toEqual(Object.keys(measured).sort());
});

it("keeps every contract under the size limit of EIP-170", () => {
  const folder = path.resolve(import.meta.dirname, "../../artifacts/contracts");
  const artifacts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  const sizes = artifacts.map((name) => {
    const { deployedBytecode } = JSON.parse(readFileSync(path.join(folder, name), "utf8")) as { deployedBytecode: string };
    return { name, bytes: (deployedBytecode.length - 2) / 2 };
  });
  expect(sizes.filter(({ bytes }) => bytes > 1000).length).toBeGreaterThan(4);
  expect(sizes.filter(({ bytes }) => bytes > 24_576)).toEqual([]);
});
