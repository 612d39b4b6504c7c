import { toHex } from "viem";
import { expect, it } from "vitest";
import { createWorld, testConfig } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace, makeWitness } from "./helpers/program.ts";
import { committedJob, open, register, salt, sealOf } from "./helpers/scenes.ts";

it("measures what a refutation costs beside the judge, by its size", async () => {
  // Before the floor price of calldata (EIP-7623), under which everything but the largest computations disappears.
  const world = await createWorld(testConfig, "cancun");
  const program = makeProgram([8, 8]);
  await register(world, program);
  const costs: Record<number, bigint> = {};
  for (const kilobytes of [1, 50, 150]) {
    const jobId = await committedJob(world, program, makeTrace(program), kilobytes === 1 ? "executor" : kilobytes === 50 ? "second" : "rival");
    const witness = makeWitness(program, 1n);
    // Zero bytes, so that the price of calldata does not hide the rest.
    witness.result.ranges[0]!.data = toHex(new Uint8Array(kilobytes * 1024));
    const disputeId = await open(world, jobId, sealOf(world.address.challenger, witness));
    await world.time.increase(testConfig.rules.sealAge);
    costs[kilobytes] = (await world.send("disputes", "refute", [disputeId, salt, witness], { from: "challenger" })).gas;
  }
  console.info("gas of a refutation by kilobytes", costs);
  // Calldata of zeros is 4 gas a byte; all else together must not cost more than one gas a byte.
  const growth = costs[150]! - costs[1]!;
  expect(growth).toBeLessThan(149n * 1024n * 5n);
});
