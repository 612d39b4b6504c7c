import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Abi, type Address, type BaseError, type Hex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { jobsAbi } from "../../runtime/chain/abis.ts";
import { decodeRevert } from "../../runtime/chain/revertError.ts";
import { readArtifact } from "../../runtime/chain/readArtifact.ts";
import { artifactsDir, createWorld, expectRevert, jobStatus, type Call, type Role, type World } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace } from "./helpers/program.ts";
import { withRecord } from "./helpers/records.ts";
import { collateral, commitArgs, digestOf, fee, register, submission, submit } from "./helpers/scenes.ts";

const program = makeProgram([1500, 20, 30]);
const trace = makeTrace(program);
const manners = { accept: 0, burn: 2, callBack: 4 } as const;

let world: World;
let party: { address: Address; abi: Abi };
let harness: { address: Address; abi: Abi };
let restore: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld();
  await register(world, program);
  await world.send("stakes", "deposit", [], { from: "executor", value: 4n * collateral });
  party = await make("HostileParty");
  harness = await make("BatchHarness");
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

async function make(name: string): Promise<{ address: Address; abi: Abi }> {
  const { abi, bytecode } = await readArtifact(artifactsDir, `test/contracts/helpers/${name}.sol`);
  return { address: await world.create(abi, bytecode, []), abi };
}

/** A call of `Jobs` as it stands in a batch, with the record that it repeats. */
async function call(functionName: string, jobId: bigint, ...rest: readonly unknown[]): Promise<Hex> {
  const args = withRecord(functionName, [jobId, ...rest], world.records.find(await digestOf(world, jobId)));
  return encodeFunctionData({ abi: jobsAbi as Abi, functionName, args });
}
const commitCall = (jobId: bigint) => call("commit", ...(commitArgs(jobId, program, trace) as unknown as [bigint, ...unknown[]]));
const batch = (calls: readonly Hex[], from: Role = "executor", more: Partial<Call> = {}) => world.send("jobs", "batch", [calls], { from, ...more });
const failures = ({ events }: { events: { eventName: string; args: Record<string, unknown> }[] }) => events.filter(({ eventName }) => eventName === "CallFailed").map(({ args }) => [Number(args["index"]), decodeRevert(args["reason"] as Hex).name]);
const statuses = async (ids: readonly bigint[]) => Promise.all(ids.map(async (id) => (await world.job(id)).status));
const submitted = async (count: number): Promise<bigint[]> => {
  const ids: bigint[] = [];
  for (let i = 0; i < count; i++) ids.push(await submit(world, program));
  return ids;
};

describe("a batch", () => {
  it("claims, commits and finalizes many jobs as their sender would one by one", async () => {
    const ids = await submitted(3);
    await batch(await Promise.all(ids.map((id) => call("claim", id))));
    expect(await statuses(ids)).toEqual(ids.map(() => jobStatus.claimed));
    expect(await world.account("executor")).toMatchObject({ free: collateral, locked: 3n * collateral });
    const committed = await batch(await Promise.all(ids.map(commitCall)));
    expect(failures(committed)).toEqual([]);
    expect(committed.events.filter(({ eventName }) => eventName === "Committed").map(({ args }) => [args["jobId"], args["executor"]])).toEqual(ids.map((id) => [id, world.address.executor]));
    await world.time.increase(201);
    await batch(await Promise.all(ids.map((id) => call("finalize", id))), "stranger");
    expect(await statuses(ids)).toEqual(ids.map(() => jobStatus.final));
    expect((await world.account("executor")).credits).toBe(3n * fee);
  });

  it("leaves out what fails, says why, and keeps the rest", async () => {
    const [first, second, third] = (await submitted(3)) as [bigint, bigint, bigint];
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    const calls = await Promise.all([first, second, third].map((id) => call("claim", id)));
    // Somebody else is faster with the second one.
    await world.send("jobs", "claim", [second], { from: "second" });
    const sent = await batch([...calls, "0x", "0x12345678"]);
    expect(failures(sent)).toEqual([[1, "WrongStatus"], [3, undefined], [4, undefined]]);
    expect(await statuses([first, third])).toEqual([jobStatus.claimed, jobStatus.claimed]);
    expect(await world.job(second)).toMatchObject({ executor: world.address.second });
    expect(await world.account("executor")).toMatchObject({ locked: 2n * collateral });
  });

  it("gives its sender no rights that it has not", async () => {
    const [jobId] = (await submitted(1)) as [bigint];
    await world.send("jobs", "claim", [jobId], { from: "executor" });
    const forbidden = [
      encodeFunctionData({ abi: jobsAbi, functionName: "enterDispute", args: [jobId, await digestOf(world, jobId)] }),
      encodeFunctionData({ abi: jobsAbi, functionName: "leaveDispute", args: [jobId, 1] }),
      encodeFunctionData({ abi: jobsAbi, functionName: "convict", args: [jobId, 1, world.address.stranger] }),
      await commitCall(jobId),
    ];
    expect(failures(await batch(forbidden, "stranger"))).toEqual(forbidden.map((_, i) => [i, "Unauthorized"]));
  });

  it("takes no value, so a submission in it is refused where it costs ether", async () => {
    const one = encodeFunctionData({ abi: jobsAbi, functionName: "submit", args: [submission(program, { fee }) as never] });
    const free = encodeFunctionData({ abi: jobsAbi, functionName: "submit", args: [submission(program, { fee: 0n }) as never] });
    const sent = await batch([one, free, one], "requester");
    expect(failures(sent)).toEqual([[0, "WrongValue"], [2, "WrongValue"]]);
    expect(await world.read("jobs", "jobCount")).toBe(1n);
    expect(sent.event("Submitted")).toMatchObject({ requester: world.address.requester });
    await expect(batch([free], "requester", { value: 1n })).rejects.toThrow();
  });

  it("holds no other batch", async () => {
    const inner = encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [[]] });
    const [jobId] = (await submitted(1)) as [bigint];
    await expectRevert(batch([await call("claim", jobId), inner]), "NestedBatch", [1n]);
    expect(await statuses([jobId])).toEqual([jobStatus.open]);
    expect((await batch([])).events).toEqual([]);
  });

  it("delivers to a consumer that calls back in the middle, and to one that burns all its gas", async () => {
    const sent = await world.send("jobs", "submit", [submission(program, { consumer: party.address, callbackGas: 300_000 })], { from: "requester", value: fee });
    const [told, jobId] = [sent.event("Submitted")?.jobId as bigint, await submit(world, program)];
    await batch(await Promise.all([told, jobId].map((id) => call("claim", id))));
    await batch(await Promise.all([told, jobId].map(commitCall)));
    await world.time.increase(201);
    const [finalize, after] = [await call("finalize", told), await call("finalize", jobId)];
    const deliver = await call("deliver", told);
    // The consumer makes final, in its own name, what the batch would make final next.
    const again = encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [[deliver, after]] });
    await world.send(party, "behave", [manners.callBack, world.deployment.contracts.jobs, again], { from: "stranger" });
    const settled = await batch([finalize, deliver, after], "stranger");
    expect(failures(settled)).toEqual([[0, "AlreadyDelivered"], [2, "WrongStatus"]]);
    expect(settled.events.filter(({ eventName }) => eventName === "Finalized" || eventName === "Delivered").map(({ eventName, args }) => [eventName, args["jobId"]])).toEqual([["Finalized", told], ["Finalized", jobId], ["Delivered", told]]);
    expect((await world.account("executor")).credits).toBe(2n * fee);
    expect(await world.publicClient.readContract({ ...party, functionName: "calls" })).toBe(1n);
  });
});

/** Outcome of a batch that is only tried, with so much gas: what was done, or the name of what it reverted with. */
async function attempt(to: Address, calls: readonly Hex[], gas: bigint, from: Role): Promise<readonly boolean[] | string> {
  const data = encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [calls] });
  try {
    const answer = await world.publicClient.call({ account: world.address[from], to, data, gas });
    return decodeFunctionResult({ abi: jobsAbi, functionName: "batch", data: answer.data as Hex });
  } catch (error) {
    const found = (error as BaseError).walk((cause) => typeof (cause as { data?: unknown }).data === "string") as { data?: Hex } | null;
    return found?.data === undefined || found.data === "0x" ? "out of gas" : decodeErrorResult({ abi: jobsAbi, data: found.data }).errorName;
  }
}

describe("with too little gas", () => {
  it("a batch fails as a whole, and leaves out nothing that would have succeeded", async () => {
    const sent = await world.send("jobs", "submit", [submission(program, { consumer: party.address, callbackGas: 200_000 })], { from: "requester", value: fee });
    const [told, left, right] = [sent.event("Submitted")?.jobId as bigint, ...(await submitted(2))] as [bigint, bigint, bigint];
    await batch([await call("claim", told), await call("claim", left)]);
    await batch([await commitCall(told)]);
    await world.time.increase(201);
    await world.send("jobs", "finalize", [told], { from: "stranger" });
    await world.send(party, "behave", [manners.burn, party.address, "0x"], { from: "stranger" });
    const calls = [await commitCall(left), await call("deliver", told), await call("claim", right)];
    const outcomes = new Set<string>();
    for (let gas = 60_000n; gas <= 700_000n; gas += 8_000n) {
      const outcome = await attempt(world.deployment.contracts.jobs, calls, gas, "executor");
      if (typeof outcome !== "string") expect(outcome, `with ${gas} gas`).toEqual([true, true, true]);
      outcomes.add(typeof outcome === "string" ? outcome : "done");
    }
    expect([...outcomes].sort()).toEqual(["StarvedCall", "done", "out of gas"]);
  });

  it("an estimate is enough for everything", async () => {
    const ids = await submitted(3);
    const calls = await Promise.all(ids.map((id) => call("claim", id)));
    const data = encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [calls] });
    const estimate = await world.publicClient.estimateGas({ account: world.address.executor, to: world.deployment.contracts.jobs, data });
    expect(await attempt(world.deployment.contracts.jobs, calls, estimate, "executor")).toEqual([true, true, true]);
  });

  const harnessed = (functionName: string, ...args: unknown[]): Hex => encodeFunctionData({ abi: harness.abi, functionName, args });

  it.each([0, 1, 2, 3, 4, 5, 6])("a call that runs out of gas %i calls deep is not taken for one that fails", async (depth) => {
    for (const gas of [300_000n, 3_000_000n]) expect(await attempt(harness.address, [harnessed("note"), harnessed("drown", depth)], gas, "stranger")).toBe("StarvedCall");
  });

  it("one that fails is left out if it leaves an eighth of what it had, and one that asks for more gas never is", async () => {
    for (const share of [0, 500, 850]) expect(await attempt(harness.address, [harnessed("spend", share), harnessed("note")], 1_000_000n, "stranger")).toEqual([false, true]);
    expect(await attempt(harness.address, [harnessed("spend", 950), harnessed("note")], 1_000_000n, "stranger")).toBe("StarvedCall");
    expect(await attempt(harness.address, [harnessed("starve")], 15_000_000n, "stranger")).toBe("StarvedCall");
  });

  it("of what a call reverts with, 256 bytes are told", async () => {
    const sent = await world.send(harness, "batch", [[harnessed("fail", 0), harnessed("fail", 1), harnessed("fail", 33), harnessed("fail", 256), harnessed("fail", 257), harnessed("fail", 1_000_000), harnessed("note"), harnessed("refuse", 7)]], { from: "rival" });
    const reasons = sent.events.map(({ args }) => [Number(args["index"]), ((args["reason"] as string).length - 2) / 2]);
    expect(reasons).toEqual([[0, 0], [1, 1], [2, 33], [3, 256], [4, 256], [5, 256], [7, 36]]);
    expect(sent.events.slice(1, 6).every(({ args }) => (args["reason"] as string).startsWith("0xab"))).toBe(true);
    expect(decodeErrorResult({ abi: harness.abi, data: sent.events[6]?.args["reason"] as Hex })).toMatchObject({ errorName: "Refused", args: [7n] });
    expect(await world.publicClient.readContract({ ...harness, functionName: "count" })).toBe(1n);
    expect(await world.publicClient.readContract({ ...harness, functionName: "caller" })).toBe(world.address.rival);
  });
});
