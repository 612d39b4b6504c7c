import { beforeAll, beforeEach, afterEach, describe, expect, it } from "vitest";
import { createWorld, expectRevert, testConfig, type World } from "./helpers/createWorld.ts";

let world: World;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await createWorld();
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const burn = "0x000000000000000000000000000000000000dEaD";
const delay = BigInt(testConfig.withdrawalDelay);

/** Has `Jobs` itself call `Stakes`, which no path of `Jobs` does in this form. */
async function asJobs(functionName: string, args: readonly unknown[], value = 0n) {
  const { jobs } = world.deployment.contracts;
  const { stranger } = world.address;
  await world.connection.networkHelpers.impersonateAccount(jobs);
  await world.connection.networkHelpers.setBalance(jobs, 10n ** 18n);
  world.address.stranger = jobs;
  try {
    return await world.send("stakes", functionName, args, { from: "stranger", value });
  } finally {
    world.address.stranger = stranger;
    await world.connection.networkHelpers.setBalance(jobs, 0n);
  }
}

describe("deposits and withdrawals", () => {
  it("adds deposits to the free stake", async () => {
    const sent = await world.send("stakes", "deposit", [], { from: "executor", value: 500n });
    expect(sent.event("Deposited")).toEqual({ account: world.address.executor, amount: 500n });
    await world.send("stakes", "deposit", [], { from: "executor", value: 1n });
    expect(await world.account("executor")).toMatchObject({ free: 501n, locked: 0n, pending: 0n, credits: 0n });
    await expectRevert(world.send("stakes", "deposit", [], { from: "executor" }), "NothingToMove", [world.address.executor]);
  });

  it("pays a withdrawal out at the end of its delay and not a second before", async () => {
    await world.send("stakes", "deposit", [], { from: "executor", value: 500n });
    const requested = await world.send("stakes", "requestWithdrawal", [200n], { from: "executor" });
    const availableAt = requested.event("WithdrawalRequested")?.availableAt as bigint;
    expect(availableAt).toBe(BigInt(await world.time.latest()) + delay);
    expect(await world.account("executor")).toMatchObject({ free: 300n, pending: 200n, availableAt });
    await expectRevert(world.send("stakes", "withdraw", [], { from: "executor", at: availableAt - 1n }), "WithdrawalTooEarly", [availableAt, availableAt - 1n]);
    const before = await world.publicClient.getBalance({ address: world.deployment.contracts.stakes });
    const sent = await world.send("stakes", "withdraw", [], { from: "executor", at: availableAt });
    expect(sent.event("Withdrawn")).toEqual({ account: world.address.executor, amount: 200n });
    expect(await world.publicClient.getBalance({ address: world.deployment.contracts.stakes })).toBe(before - 200n);
    expect(await world.account("executor")).toMatchObject({ free: 300n, pending: 0n, availableAt: 0n });
    await expectRevert(world.send("stakes", "withdraw", [], { from: "executor" }), "NothingToMove");
  });

  it("replaces a request, restarts its delay, and takes it back with 0", async () => {
    await world.send("stakes", "deposit", [], { from: "executor", value: 500n });
    await world.send("stakes", "requestWithdrawal", [500n], { from: "executor" });
    await world.time.increase(delay - 10n);
    await world.send("stakes", "requestWithdrawal", [100n], { from: "executor" });
    expect(await world.account("executor")).toMatchObject({ free: 400n, pending: 100n });
    await world.time.increase(20);
    await expectRevert(world.send("stakes", "withdraw", [], { from: "executor" }), "WithdrawalTooEarly");
    await world.send("stakes", "requestWithdrawal", [0n], { from: "executor" });
    expect(await world.account("executor")).toMatchObject({ free: 500n, pending: 0n, availableAt: 0n });
    await expectRevert(world.send("stakes", "requestWithdrawal", [501n], { from: "executor" }), "InsufficientStake", [world.address.executor, 500n, 501n]);
  });
});

describe("credits", () => {
  it("lets anybody credit anybody with its own money, and the owner collect it once", async () => {
    const sent = await world.send("stakes", "credit", [world.address.requester], { from: "stranger", value: 33n });
    expect(sent.event("Credited")).toEqual({ account: world.address.requester, amount: 33n });
    expect((await world.account("requester")).credits).toBe(33n);
    const collected = await world.send("stakes", "collect", [], { from: "requester" });
    expect(collected.event("Collected")).toEqual({ account: world.address.requester, amount: 33n });
    await expectRevert(world.send("stakes", "collect", [], { from: "requester" }), "NothingToMove", [world.address.requester]);
  });

  it("refuses an amount beyond 88 bits", async () => {
    const amount = 2n ** 88n;
    await world.connection.networkHelpers.setBalance(world.address.stranger, amount * 2n);
    await expectRevert(world.send("stakes", "credit", [world.address.stranger], { from: "stranger", value: amount }), "AmountTooLarge", [amount]);
  });
});

describe("what only Jobs may do", () => {
  const slash = (amount: bigint, reward: bigint, compensation: bigint) => ({ account: world.address.executor, amount, challenger: world.address.challenger, reward, requester: world.address.requester, compensation });

  it("is refused to everybody else", async () => {
    const refused = [world.address.stranger, world.deployment.contracts.jobs];
    await expectRevert(world.send("stakes", "lock", [world.address.executor, 0n], { from: "stranger" }), "Unauthorized", refused);
    await expectRevert(world.send("stakes", "unlock", [world.address.executor, 0n], { from: "stranger" }), "Unauthorized", refused);
    await expectRevert(world.send("stakes", "settle", [world.address.executor, 0n], { from: "stranger" }), "Unauthorized", refused);
    await expectRevert(world.send("stakes", "slash", [slash(0n, 0n, 0n)], { from: "stranger" }), "Unauthorized", refused);
  });

  it("never takes more than there is", async () => {
    await world.send("stakes", "deposit", [], { from: "executor", value: 100n });
    await expectRevert(asJobs("lock", [world.address.executor, 101n]), "InsufficientStake", [world.address.executor, 100n, 101n]);
    await expectRevert(asJobs("unlock", [world.address.executor, 1n]), "InsufficientLock", [world.address.executor, 0n, 1n]);
    await expectRevert(asJobs("settle", [world.address.executor, 1n], 5n), "InsufficientLock", [world.address.executor, 0n, 1n]);
    await expectRevert(asJobs("slash", [slash(1n, 0n, 0n)]), "InsufficientLock", [world.address.executor, 0n, 1n]);
    await expectRevert(asJobs("slash", [slash(10n, 6n, 5n)]), "SlashExceedsAmount", [10n, 6n, 5n]);
  });

  it("divides a slash and burns the rest", async () => {
    await world.send("stakes", "deposit", [], { from: "executor", value: 100n });
    const locked = await asJobs("lock", [world.address.executor, 60n]);
    expect(locked.event("Locked")).toEqual({ account: world.address.executor, amount: 60n });
    const before = await world.publicClient.getBalance({ address: burn });
    const sent = await asJobs("slash", [slash(50n, 20n, 7n)]);
    expect(sent.event("Slashed")).toEqual({ account: world.address.executor, amount: 50n, burned: 23n });
    expect(await world.publicClient.getBalance({ address: burn })).toBe(before + 23n);
    expect(await world.account("executor")).toMatchObject({ free: 40n, locked: 10n });
    expect((await world.account("challenger")).credits).toBe(20n);
    expect((await world.account("requester")).credits).toBe(7n);
    const unlocked = await asJobs("unlock", [world.address.executor, 10n]);
    expect(unlocked.event("Unlocked")).toEqual({ account: world.address.executor, amount: 10n });
    expect(await world.account("executor")).toMatchObject({ free: 50n, locked: 0n });
  });
});
