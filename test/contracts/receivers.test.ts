import { encodeFunctionData, toHex, type Abi, type Address, type Hex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { concat } from "../../protocol/program/codec.ts";
import { fromHex } from "../../protocol/hex.ts";
import { buildTree, pathProof, rangeProof } from "../../protocol/trees/merkle.ts";
import { readArtifact } from "../../runtime/chain/readArtifact.ts";
import { artifactsDir, createWorld, expectRevert, jobStatus, type World } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace, makeWitness, treeOf, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, digestOf, fee, inputRoot, open, register, ripen, salt, sealOf, submission } from "./helpers/scenes.ts";

/** In the order of the contract's enum. */
const manners = { accept: 0, revert: 1, burn: 2, bomb: 3, callBack: 4 } as const;
const classes = 900;
/** Two outputs: scores of one chunk, and a tensor of three chunks. */
const program = makeProgram([classes, 2500, 30], [0, 1]);
const trace = makeTrace(program);
const callbackGas = 150_000;

let world: World;
let party: { address: Address; abi: Abi };
let oracle: { address: Address; abi: Abi };
let harness: { address: Address; abi: Abi };
let restore: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld();
  await register(world, program);
  await world.send("stakes", "deposit", [], { from: "executor", value: 3n * collateral });
  party = await make("test/contracts/helpers/HostileParty.sol", []);
  harness = await make("test/contracts/helpers/OpeningHarness.sol", []);
  oracle = await make("contracts/examples/LabelOracle.sol", [world.deployment.contracts.jobs, world.address.rival, program.root, BigInt(classes), collateral, 100]);
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(() => restore());

async function make(source: string, args: readonly unknown[]): Promise<{ address: Address; abi: Abi }> {
  const { abi, bytecode } = await readArtifact(artifactsDir, source);
  return { address: await world.create(abi, bytecode, args), abi };
}

/** Takes a job to finality, and tells its result. */
async function finish(jobId: bigint, of: { program: TestProgram; trace: TestTrace } = { program, trace }): Promise<void> {
  await world.send("jobs", "claim", [jobId], { from: "executor" });
  await commit(world, jobId, of.program, of.trace);
  await world.time.increase(300);
  await world.send("jobs", "finalize", [jobId], { from: "stranger" });
}

async function finalJob(consumer: Address, changes: Record<string, unknown> = {}): Promise<bigint> {
  const sent = await world.send("jobs", "submit", [submission(program, { consumer, callbackGas, ...changes })], { from: "requester", value: fee });
  const jobId = sent.event("Submitted")?.jobId as bigint;
  await finish(jobId);
  return jobId;
}

const deliver = (jobId: bigint) => world.send("jobs", "deliver", [jobId], { from: "stranger" });
const behave = (manner: keyof typeof manners, to: Address = party.address, data: Hex = "0x") => world.send(party, "behave", [manners[manner], to, data], { from: "stranger" });
const seen = (name: string) => world.publicClient.readContract({ ...party, functionName: name });

describe("deliver", () => {
  it("calls the consumer once, after finality, with the gas that was asked for", async () => {
    const sent = await world.send("jobs", "submit", [submission(program, { consumer: party.address, callbackGas })], { from: "requester", value: fee });
    const jobId = sent.event("Submitted")?.jobId as bigint;
    await expectRevert(deliver(jobId), "WrongStatus", [jobId, jobStatus.open, jobStatus.final]);
    await finish(jobId);
    const { terms, commitment } = world.records.find((await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest);
    for (const other of [{ ...commitment, outputRoot: inputRoot }, { ...commitment, traceRoot: inputRoot }]) await expectRevert(world.send("jobs", "deliver", [jobId, terms, other], { from: "stranger" }), "WrongRecord");
    await expectRevert(world.send("jobs", "deliver", [jobId, { ...terms, consumer: oracle.address }, commitment], { from: "stranger" }), "WrongRecord");
    expect((await deliver(jobId)).event("Delivered")).toEqual({ jobId, consumer: party.address, accepted: true });
    expect(await seen("calls")).toBe(1n);
    expect(Number(await seen("gasSeen"))).toBeGreaterThan(callbackGas - 1000);
    expect(Number(await seen("gasSeen"))).toBeLessThanOrEqual(callbackGas);
    expect(await world.read("jobs", "isDelivered", [jobId])).toBe(true);
    await expectRevert(deliver(jobId), "AlreadyDelivered", [jobId]);
  });

  it.each(["revert", "burn", "bomb"] as const)("is over after a consumer that meets it with: %s", async (manner) => {
    const jobId = await finalJob(party.address);
    await behave(manner);
    const sent = await deliver(jobId);
    expect(sent.event("Delivered")).toMatchObject({ accepted: false });
    expect(sent.gas).toBeLessThan(BigInt(callbackGas) + 150_000n);
    await behave("accept");
    await expectRevert(deliver(jobId), "AlreadyDelivered");
    expect((await world.account("executor")).credits).toBe(fee);
    await world.expectSolvent();
  });

  it("is over after a consumer without code, and none is called for a job that names none", async () => {
    expect((await deliver(await finalJob(world.address.rival))).event("Delivered")).toMatchObject({ accepted: false });
    const sent = await world.send("jobs", "submit", [submission(program)], { from: "requester", value: fee });
    const jobId = sent.event("Submitted")?.jobId as bigint;
    await finish(jobId);
    await expectRevert(deliver(jobId), "NoConsumer", [jobId]);
  });

  it("does not let its sender starve the consumer", async () => {
    const jobId = await finalJob(party.address);
    const { terms, commitment } = world.records.find((await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest);
    const call = { address: world.deployment.contracts.jobs, abi: world.abis.jobs, functionName: "deliver", args: [jobId, terms, commitment], account: world.address.stranger } as const;
    // What a call passes on is 63/64 of what there is, and 20,000 are kept back.
    const required = Math.floor((callbackGas * 64) / 63) + 20_000;
    await expect(world.walletClient.writeContract({ ...call, gas: BigInt(callbackGas) + 60_000n })).rejects.toThrow(new RegExp(`TooLittleGas[^]*, ${required}\\)`));
    expect(await world.read("jobs", "isDelivered", [jobId])).toBe(false);
  });

  it("is not entered a second time from within", async () => {
    const jobId = await finalJob(party.address);
    const { terms, commitment } = world.records.find((await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest);
    await behave("callBack", world.deployment.contracts.jobs, encodeFunctionData({ abi: world.abis.jobs, functionName: "deliver", args: [jobId, terms, commitment] }));
    expect((await deliver(jobId)).event("Delivered")).toMatchObject({ accepted: true });
    expect(await seen("succeeded")).toBe(false);
    expect(await seen("calls")).toBe(1n);
  });

  it("needs gas for a consumer, a consumer for gas, and not too much of it", async () => {
    const send = (changes: Record<string, unknown>) => world.send("jobs", "submit", [submission(program, changes)], { from: "requester", value: fee });
    await expectRevert(send({ consumer: party.address }), "BadCallback");
    await expectRevert(send({ callbackGas: 1 }), "BadCallback");
    await expectRevert(send({ consumer: party.address, callbackGas: 5_000_001 }), "BadCallback");
    await send({ consumer: party.address, callbackGas: 5_000_000 });
  });
});

describe("a receiver that reverts or eats gas", () => {
  it.each(["revert", "burn"] as const)("hurts only itself as requester, executor and challenger: %s", async (manner) => {
    const act = (contract: "stakes" | "jobs" | "disputes", functionName: string, args: readonly unknown[], value = 0n) =>
      world.send(party, "act", [world.deployment.contracts[contract], encodeFunctionData({ abi: world.abis[contract] as Abi, functionName, args })], { from: "stranger", value });
    await behave(manner);
    // It submits, and convicts the executor of its own job.
    await act("jobs", "submit", [submission(program, { fee })], fee);
    await world.send("jobs", "claim", [1n], { from: "executor" });
    await commit(world, 1n, program, trace);
    await world.send("jobs", "unfold", [1n], { from: "stranger" });
    const witness = makeWitness(program, 1n);
    await act("disputes", "open", [1n, await digestOf(world, 1n), sealOf(party.address, witness)], world.config.rules.bond);
    const beside = await open(world, 1n, sealOf(world.address.challenger, witness));
    await ripen(world);
    await act("disputes", "refute", [1n, salt, witness]);
    await world.send("disputes", "close", [beside], { from: "stranger" });
    await world.send("jobs", "cancel", [1n], { from: "stranger", at: (await world.job(1n)).deadline + 1n });
    const account = await world.read<{ credits: bigint }>("stakes", "getAccount", [party.address]);
    expect(account.credits).toBe(fee + collateral / 5n + collateral / 2n + world.config.rules.bond);
    // What is its own waits for it; everybody else is paid.
    await expect(act("stakes", "collect", [])).rejects.toThrow();
    await world.send("stakes", "collect", [], { from: "challenger" });
    await behave("accept");
    await act("stakes", "collect", []);
    expect(await world.balanceOf(party.address)).toBe(account.credits);
  });
});

describe("an output opening", () => {
  const outputs = buildTree(concat(trace.outputRoots.map((root) => fromHex(root))));
  const openingOf = (position: number, first: number, count: number) => {
    const bytes = trace.tensors[position] as Uint8Array;
    return { outputs: 2, position, outputProof: pathProof(outputs, position).map(toHexOf), byteLength: BigInt(bytes.length), first: BigInt(first), data: toHex(bytes.subarray(first * 1024, (first + count) * 1024)), siblings: rangeProof(treeOf(trace, position), first, count).map(toHexOf) };
  };
  const toHexOf = (bytes: Uint8Array): Hex => toHex(bytes);
  const check = (opening: ReturnType<typeof openingOf>, outputRoot: Hex = trace.outputRoot) => world.publicClient.readContract({ ...harness, functionName: "check", args: [outputRoot, opening] });

  it("of any run of chunks of any output is accepted, and of nothing else", async () => {
    for (const [position, first, count] of [[0, 0, 1], [1, 0, 1], [1, 0, 3], [1, 1, 2], [1, 2, 1]] as const) {
      const opening = openingOf(position, first, count);
      await check(opening);
      const flipped = `${opening.data.slice(0, -1)}${opening.data.endsWith("0") ? "1" : "0"}` as Hex;
      const wrong = [{ data: flipped }, { position: 1 - position }, { byteLength: opening.byteLength + 1n }, { byteLength: opening.byteLength - 1n }, { first: opening.first + 1n }, { outputs: 3 }, { outputs: 1 }, { outputProof: [] }, { siblings: [...opening.siblings, inputRoot] }, { data: opening.data.slice(0, -2) as Hex }, { data: "0x" as Hex }];
      for (const change of wrong) await expect(check({ ...opening, ...change }), JSON.stringify(Object.keys(change))).rejects.toThrow();
      await expect(check(opening, trace.root)).rejects.toThrow(/NotThisOutput/);
    }
  });

  it("of a final result labels an input in the example consumer, which asked for it", async () => {
    const sent = await world.send(oracle, "ask", [submission(program, { consumer: oracle.address, callbackGas, fee })], { from: "requester", value: fee });
    const jobId = sent.event("Submitted")?.jobId as bigint;
    expect((await world.job(jobId)).requester).toBe(oracle.address);
    await expectRevertIn(oracle, "label", [inputRoot, openingOf(0, 0, 1)], /NoResult/);
    await finish(jobId);
    expect((await deliver(jobId)).event("Delivered")).toMatchObject({ accepted: true });
    const scores = trace.tensors[0] as Uint8Array;
    const best = scores.indexOf(Math.max(...scores));
    await expectRevertIn(oracle, "label", [inputRoot, { ...openingOf(0, 0, 1), position: 1 }], /NotThisOutput/);
    await expectRevertIn(oracle, "label", [inputRoot, openingOf(1, 0, 3)], /NotAllScores/);
    await world.send(oracle, "label", [inputRoot, openingOf(0, 0, 1)], { from: "stranger" });
    expect(await world.publicClient.readContract({ ...oracle, functionName: "labelOf", args: [inputRoot] })).toBe(BigInt(best) + 1n);
    await expectRevertIn(oracle, "onResult", [jobId, world.records.find((await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest).terms, { traceRoot: trace.root, outputRoot: trace.outputRoot }], /NotJobs/);
  });

  it("is of no use for a job too weak to be relied on, whoever submitted it", async () => {
    expect((await deliver(await finalJob(oracle.address, { collateral: collateral - 1n }))).event("Delivered")).toMatchObject({ accepted: false });
    expect((await deliver(await finalJob(oracle.address, { challengeWindow: 99 }))).event("Delivered")).toMatchObject({ accepted: false });
    expect((await deliver(await finalJob(oracle.address))).event("Delivered")).toMatchObject({ accepted: true });
  });

  it("can be checked without a callback: the chain tells whether a record is that of a final job", async () => {
    const jobId = await finalJob(party.address);
    const { terms, commitment } = world.records.find((await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest);
    expect(await world.read("jobs", "isFinal", [jobId, terms, commitment])).toBe(true);
    expect(await world.read("jobs", "isFinal", [jobId, { ...terms, fee: 1n }, commitment])).toBe(false);
    expect(await world.read("jobs", "isFinal", [jobId, terms, { ...commitment, outputRoot: inputRoot }])).toBe(false);
    expect(await world.read("jobs", "isFinal", [jobId + 1n, terms, commitment])).toBe(false);
  });

  it("and refunds of what the example asked for go to its treasury", async () => {
    const sent = await world.send(oracle, "ask", [submission(program, { consumer: oracle.address, callbackGas, fee })], { from: "requester", value: fee });
    await world.send("jobs", "cancel", [sent.event("Submitted")?.jobId], { from: "stranger", at: (sent.event("Submitted")?.deadline as bigint) + 1n });
    const before = await world.balanceOf(world.address.rival);
    await world.send(oracle, "sweep", [], { from: "stranger" });
    expect(await world.balanceOf(world.address.rival)).toBe(before + fee);
  });
});

async function expectRevertIn(contract: { address: Address; abi: Abi }, functionName: string, args: readonly unknown[], name: RegExp): Promise<void> {
  await expect(world.publicClient.simulateContract({ ...contract, functionName, args, account: world.address.stranger })).rejects.toThrow(name);
}
