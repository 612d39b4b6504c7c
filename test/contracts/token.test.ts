import { encodeFunctionData, getAddress, zeroAddress, type Abi, type Address, type Hex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { artifactsDir, createWorld, expectRevert, jobStatus, outcomes, phases, testConfig, type Role, type World } from "./helpers/createWorld.ts";
import { choose, descend, namedStep, reveal, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, noBlock } from "./helpers/program.ts";
import { collateral, commit, committedJob, fee, noSeal, open, register, ripen, salt, sealOf, submit } from "./helpers/scenes.ts";
import { readArtifact } from "../../runtime/chain/readArtifact.ts";

/** In the order of the token's enum. */
const manners = { standard: 0, silent: 1, dear: 2, refusing: 3, false: 4, hooked: 5 } as const;
const { bond, demandBond } = testConfig.rules;
const program = makeProgram([20_000, 20, 30]);
const trace = makeTrace(program);

let world: World;
let token: { address: Address; abi: Abi };
let restore: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld(testConfig, undefined, true);
  token = world.token as typeof token;
  await register(world, program);
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(() => restore());

const behave = (manner: keyof typeof manners, to: Address = zeroAddress) => world.send(token, "behave", [manners[manner], to], { from: "stranger" });
const deposit = (from: Role, value: bigint) => world.send("stakes", "deposit", [], { from, value });
const held = (role: Role) => world.balanceOf(world.address[role]);

describe.each(["standard", "silent"] as const)("in a %s token", (manner) => {
  beforeEach(() => behave(manner));
  afterEach(() => world.expectSolvent());

  it("a job goes from submission to its fee, which its executor collects", async () => {
    const before = await held("executor");
    const jobId = await committedJob(world, program, trace);
    await world.time.increase(300);
    await world.send("jobs", "finalize", [jobId], { from: "stranger" });
    await world.send("stakes", "collect", [], { from: "executor" });
    expect(await held("executor")).toBe(before - collateral + fee);
    await world.send("stakes", "requestWithdrawal", [collateral], { from: "executor" });
    await world.time.increase(testConfig.withdrawalDelay + 1);
    await world.send("stakes", "withdraw", [], { from: "executor" });
    expect(await held("executor")).toBe(before + fee);
  });

  it("a refutation convicts: reward, compensation and bond are paid, the rest is a credit that nobody can collect", async () => {
    const before = await held("challenger");
    const jobId = await committedJob(world, program, trace);
    const witness = makeWitness(program, 1n);
    const disputeId = await open(world, jobId, sealOf(world.address.challenger, witness));
    expect(await held("challenger")).toBe(before - bond);
    await ripen(world);
    await world.send("disputes", "refute", [disputeId, salt, witness], { from: "challenger" });
    expect((await world.account("requester")).credits).toBe(collateral / 5n);
    const burnt = await world.read<{ credits: bigint }>("stakes", "getAccount", [await world.read("stakes", "BURN_ADDRESS")]);
    expect(burnt.credits).toBe((3n * collateral) / 10n);
    await world.send("stakes", "collect", [], { from: "challenger" });
    expect(await held("challenger")).toBe(before + collateral / 2n);
    await world.send("jobs", "cancel", [jobId], { from: "requester" });
    expect((await world.account("requester")).credits).toBe(collateral / 5n + fee);
  });

  it("a bisection is played to its end, and another one is lost with its bond", async () => {
    const jobId = await committedJob(world, program, trace);
    const game: Game = { world, program, trace, disputeId: await open(world, jobId) };
    const lost = await open(world, jobId, sealOf(world.address.rival, makeWitness(program, 0n)), { from: "rival" });
    await reveal(game);
    await choose(game, 0);
    await reveal(game);
    await choose(game, 13);
    await descend(game, 13);
    await revealChunk(game);
    await world.time.increase(301);
    await world.send("disputes", "timeout", [lost], { from: "stranger" });
    expect((await world.account("executor")).credits).toBe(bond);
    expect(await world.dispute(game.disputeId)).toMatchObject({ phase: phases.refute });
    await world.send("disputes", "timeout", [game.disputeId], { from: "stranger" });
    expect((await world.account("executor")).credits).toBe(2n * bond);
  });

  it("demands take a bond each, and a missed delivery its penalty", async () => {
    const jobId = await committedJob(world, program, trace);
    const [stepIndex, step, proof] = namedStep(program, 0);
    const before = await held("challenger");
    await world.send("disputes", "demand", [jobId, 1, stepIndex, 5n, step, proof, noBlock], { from: "challenger", value: demandBond });
    await ripen(world);
    await world.send("disputes", "answer", [1n, 0, makeWitness(program, 5n)], { from: "stranger" });
    await world.send("disputes", "demandNext", [1n, 1, stepIndex, 1n, step, proof, noBlock], { from: "challenger", value: demandBond });
    expect(await held("challenger")).toBe(before - 2n * demandBond);
    await ripen(world);
    await world.send("disputes", "answer", [1n, 2, makeWitness(program, 1n)], { from: "stranger" });
    expect(await world.dispute(1n)).toMatchObject({ outcome: outcomes.challengerWon });
    const missed = await submit(world, program);
    await deposit("second", collateral);
    await world.send("jobs", "claim", [missed], { from: "second" });
    await world.time.increase(600);
    await world.send("jobs", "expire", [missed], { from: "stranger" });
    expect((await world.account("requester")).credits).toBe(collateral / 5n + collateral / 20n);
  });
});

describe("a token that is not as it should be", () => {
  it("takes a fee for transfers: nothing enters with it, but sums on which the fee is nothing", async () => {
    await deposit("executor", collateral);
    const jobId = await submit(world, program);
    await world.send("jobs", "claim", [jobId], { from: "executor" });
    await commit(world, jobId, program, trace);
    await world.send("jobs", "unfold", [jobId], { from: "stranger" });
    await behave("dear");
    await expectRevert(deposit("rival", 1000n), "WrongReceipt", [1000n, collateral, collateral + 990n]);
    await expectRevert(submit(world, program), "WrongReceipt");
    await world.send("disputes", "open", [jobId, 1, noSeal], { from: "challenger", value: bond });
    await expectRevert(world.send("disputes", "demand", [jobId, 1, 0, 5n, namedStep(program, 0)[1], namedStep(program, 0)[2], noBlock], { from: "challenger", value: demandBond }), "WrongReceipt", [demandBond, bond, bond + demandBond - 1n]);
    await behave("standard");
    await world.expectSolvent();
  });

  it("answers false, or has not been allowed: nothing enters with it either", async () => {
    await behave("false");
    await expectRevert(deposit("executor", 1000n), "PaymentRefused", [getAddress(token.address), 1000n]);
    await behave("standard");
    await world.send(token, "approve", [world.deployment.contracts.stakes, 999n], { from: "executor" });
    await expectRevert(deposit("executor", 1000n), "PaymentRefused", [getAddress(token.address), 1000n]);
    await deposit("executor", 999n);
    await world.expectSolvent();
  });

  it("refuses to pay one account: that one waits, a conviction and everybody else do not", async () => {
    const jobId = await committedJob(world, program, trace);
    const witness = makeWitness(program, 1n);
    const disputeId = await open(world, jobId, sealOf(world.address.challenger, witness));
    await behave("refusing", world.address.challenger);
    await ripen(world);
    await world.send("disputes", "refute", [disputeId, salt, witness], { from: "challenger" });
    await expect(world.send("stakes", "collect", [], { from: "challenger" })).rejects.toThrow();
    await world.send("stakes", "collect", [], { from: "requester" });
    const { credits } = await world.account("challenger");
    await behave("standard");
    const before = await held("challenger");
    await world.send("stakes", "collect", [], { from: "challenger" });
    expect(await held("challenger")).toBe(before + credits);
    await world.expectSolvent();
  });

  it("refuses the burn address: a cheat is convicted all the same", async () => {
    const jobId = await committedJob(world, program, trace);
    await behave("refusing", await world.read("stakes", "BURN_ADDRESS"));
    const witness = makeWitness(program, 1n);
    const disputeId = await open(world, jobId, sealOf(world.address.challenger, witness));
    await ripen(world);
    await world.send("disputes", "refute", [disputeId, salt, witness], { from: "challenger" });
    expect((await world.job(jobId)).status).toBe(jobStatus.open);
    await world.expectSolvent();
  });

  it("calls its sender back in the middle: a deposit within a deposit is not counted twice, nor a payout slipped in", async () => {
    const party = await hostile();
    await world.send(token, "mint", [party.address, 10_000n], { from: "stranger" });
    const { stakes } = world.deployment.contracts;
    const act = (to: Address, data: Hex) => encodeFunctionData({ abi: party.abi, functionName: "act", args: [to, data] });
    const call = (functionName: "deposit" | "collect" | "credit", args: readonly unknown[]) => encodeFunctionData({ abi: world.abis.stakes as Abi, functionName, args });
    const send = (to: Address, data: Hex) => world.send(party, "act", [to, data], { from: "stranger" });
    await send(token.address, encodeFunctionData({ abi: token.abi, functionName: "approve", args: [stakes, 10_000n] }));
    await world.send("stakes", "credit", [party.address], { from: "rival", value: 500n });
    for (const inner of [call("deposit", [300n]), call("credit", [party.address, 300n]), call("collect", [])]) {
      await world.send(token, "hook", [party.address, act(stakes, inner)], { from: "stranger" });
      await expectRevert(send(stakes, call("deposit", [1000n])), "WrongReceipt");
    }
    await behave("standard");
    await send(stakes, call("deposit", [1000n]));
    expect(await world.balanceOf(stakes)).toBe(1500n);
    // Within a payout the ledger is settled already: there is nothing to collect a second time.
    await world.send(token, "hook", [party.address, act(stakes, call("collect", []))], { from: "stranger" });
    await send(stakes, call("collect", []));
    expect(await world.publicClient.readContract({ ...token, functionName: "hookSucceeded" })).toBe(false);
    expect(await world.balanceOf(stakes)).toBe(1000n);
  });

  it("has a supply that does not fit the ledger, or none: no deployment takes it", async () => {
    const { abi, bytecode } = await readArtifact(artifactsDir, "contracts/Stakes.sol");
    const make = (asset: Address) => world.create(abi, bytecode, [world.address.stranger, 1000, asset]);
    await expect(make(world.address.stranger)).rejects.toThrow();
    const supply = (await world.publicClient.readContract({ ...token, functionName: "totalSupply" })) as bigint;
    await world.send(token, "mint", [world.address.stranger, 2n ** 88n - 1n - supply], { from: "stranger" });
    await make(token.address);
    await world.send(token, "mint", [world.address.stranger, 1n], { from: "stranger" });
    await expectRevert(make(token.address), "UnusableToken", [getAddress(token.address), 2n ** 88n]);
  });
});

it("takes no ether where it is paid in a token, and no token where in ether", async () => {
  const { stakes } = world.deployment.contracts;
  await expect(world.walletClient.writeContract({ address: stakes, abi: world.abis.stakes, functionName: "deposit", args: [5n], account: world.address.executor, value: 5n })).rejects.toThrow(/WrongValue/);
  const inEther = await createWorld();
  await expectRevert(inEther.send("stakes", "deposit", [6n], { from: "executor", value: 5n }), "WrongValue", [5n, 6n]);
  await expectRevert(inEther.send("stakes", "credit", [world.address.rival, 4n], { from: "executor", value: 5n }), "WrongValue", [5n, 4n]);
});

async function hostile(): Promise<{ address: Address; abi: Abi }> {
  const { abi, bytecode } = await readArtifact(artifactsDir, "test/contracts/helpers/HostileParty.sol");
  return { address: await world.create(abi, bytecode, []), abi };
}
