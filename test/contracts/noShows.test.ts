import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWorld, expectRevert, jobStatus, Reverted, type Role, type World } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace } from "./helpers/program.ts";
import { collateral, commit, fee, register, submit } from "./helpers/scenes.ts";

const program = makeProgram([1500, 20, 30]);
const trace = makeTrace(program);
const squatters = ["executor", "second", "challenger", "rival", "deployer"] as const;

let world: World;
let restore: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld();
  await register(world, program);
  for (const from of squatters) await world.send("stakes", "deposit", [], { from, value: collateral });
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const claim = (jobId: bigint, from: Role) => world.send("jobs", "claim", [jobId], { from });
const expire = (jobId: bigint) => world.send("jobs", "expire", [jobId], { from: "stranger" });
const now = async () => BigInt(await world.time.latest());

describe("no-shows", () => {
  it("claimed and not delivered: each further miss costs twice as much, up to 40 %, and bars its account", async () => {
    const jobId = await submit(world, program, { claimWindow: 10_000 });
    const penalties: unknown[] = [];
    for (const from of squatters) {
      await claim(jobId, from);
      await world.time.increase(600);
      penalties.push((await expire(jobId)).event("Expired")?.penalty);
      await expectRevert(claim(jobId, from), "BarredFromJob", [jobId, world.address[from]]);
    }
    expect(penalties).toEqual([500n, 1000n, 2000n, 4000n, 4000n]);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 1, missed: 5 });
    // All of it is the requester's, who is free to leave.
    await world.send("jobs", "cancel", [jobId], { from: "requester" });
    expect((await world.account("requester")).credits).toBe(fee + 11_500n);
  });

  it("held by missed deliveries: nobody can take the job in the block that reopens it, so the requester finds it open", async () => {
    const jobId = await submit(world, program, { claimWindow: 10_000 });
    await claim(jobId, "executor");
    await world.time.increase(600);
    await world.connection.provider.request({ method: "evm_setAutomine", params: [false] });
    const { terms } = world.records.find((await world.read<{ digest: `0x${string}` }>("jobs", "getJob", [jobId])).digest);
    const target = { address: world.deployment.contracts.jobs, abi: world.abis.jobs, gas: 1_000_000n } as const;
    const sent = [
      await world.walletClient.writeContract({ ...target, account: world.address.executor, functionName: "expire", args: [jobId, terms] }),
      await world.walletClient.writeContract({ ...target, account: world.address.second, functionName: "claim", args: [jobId, terms] }),
      await world.walletClient.writeContract({ ...target, account: world.address.requester, functionName: "cancel", args: [jobId, terms] }),
    ];
    await world.connection.networkHelpers.mine(1);
    await world.connection.provider.request({ method: "evm_setAutomine", params: [true] });
    const receipts = await Promise.all(sent.map((hash) => world.publicClient.getTransactionReceipt({ hash })));
    expect(receipts.map(({ status, blockNumber }) => [status, blockNumber === receipts[0]?.blockNumber])).toEqual([["success", true], ["reverted", true], ["success", true]]);
    expect((await world.job(jobId)).status).toBe(jobStatus.cancelled);
  });

  it("held by missed deliveries: the expiry that every job has ends it, whatever the holders do", async () => {
    const jobId = await submit(world, program, { claimWindow: 10_000, expiry: (await now()) + 1500n });
    const { expiry } = await world.job(jobId);
    let held = 0;
    for (const from of squatters) {
      const claimed = await claim(jobId, from).then(() => true, (error: unknown) => (error instanceof Reverted && error.name === "DeadlinePassed" ? false : Promise.reject(error)));
      if (!claimed) break;
      held++;
      await world.time.increase(600);
      await expire(jobId);
    }
    expect(held).toBe(3);
    expect(await now()).toBeLessThanOrEqual(expiry + 500n + 110n);
    await world.send("jobs", "cancel", [jobId], { from: "stranger" });
    expect((await world.account("requester")).credits).toBe(fee + 3500n);
  });

  it("delivered late: the commitment is refused, anybody expires the claim, and another executor delivers", async () => {
    const jobId = await submit(world, program);
    await claim(jobId, "executor");
    await world.time.increase(501);
    await expectRevert(commit(world, jobId, program, trace), "DeadlinePassed");
    await expire(jobId);
    await claim(jobId, "second");
    await commit(world, jobId, program, trace, "second");
    await world.time.increase(300);
    await world.send("jobs", "finalize", [jobId], { from: "stranger" });
    expect((await world.account("second")).credits).toBe(fee);
  });

  it("nobody claims: anybody cancels after the claim window, and the requester has its fee", async () => {
    const jobId = await submit(world, program);
    await world.time.increase(1001);
    await expectRevert(claim(jobId, "executor"), "DeadlinePassed");
    await world.send("jobs", "cancel", [jobId], { from: "stranger" });
    expect((await world.account("requester")).credits).toBe(fee);
  });

  it("requester vanished: every step to the executor's fee, and every way out, is somebody else's to take", async () => {
    const jobId = await submit(world, program);
    await claim(jobId, "executor");
    await commit(world, jobId, program, trace);
    await world.time.increase(300);
    await world.send("jobs", "finalize", [jobId], { from: "stranger" });
    expect((await world.account("executor")).credits).toBe(fee);
    const missed = await submit(world, program);
    await claim(missed, "second");
    await world.time.increase(600);
    await expire(missed);
    await world.time.increase(1001);
    await world.send("jobs", "cancel", [missed], { from: "stranger" });
    expect((await world.account("requester")).credits).toBe(fee + 500n);
  });
});
