import { cancelJob } from "../../../runtime/chain/calls/cancelJob.ts";
import { claimJob } from "../../../runtime/chain/calls/claimJob.ts";
import { getJob, isBarred } from "../../../runtime/chain/reads/getJob.ts";
import { publishedInput } from "../../e2e/support/players.ts";
import { until } from "../../runtime/chain/localChain.ts";
import type { Adversary } from "../support/adversary.ts";
import { collateral, fee, PATIENCE_MS } from "../support/createTown.ts";
import { penaltyOf } from "../support/payouts.ts";

export const griefer: Adversary = {
  name: "griefing requester",
  aim: "malformed input, an input that nobody serves, a dust fee, a collateral out of proportion; then it vanishes",
  quick: true,
  async play(town) {
    const { digits, chain, clock, journal } = town;
    const griefer = await town.newcomer("griefer");
    const stranger = await town.newcomer("stranger");
    const { bytes, root } = publishedInput(digits.opened.inputs);
    const changed = new Uint8Array(bytes);
    changed[7] = (changed[7] as number) ^ 1;
    const traps = [{ input: changed }, { input: bytes.slice(0, -4) }, { input: new Uint8Array(), inputRoot: `0x${"5a".repeat(32)}` as const }, { fee: 1n }, { fee: 0n }, { collateral: 20n * collateral }];
    const jobs = [];
    for (const trap of traps) jobs.push(await town.submit(digits, { inputRoot: root, input: bytes, claimWindow: 120, ...trap }, griefer));
    // An honest job that comes after all of them shows when the executor has looked at them.
    const good = await town.submit(digits);
    await until("the honest job is claimed", () => journal.of("executor").some(({ message, jobId }) => message === "job claimed" && jobId === good.toString()), PATIENCE_MS);
    await town.settle(good);
    for (const jobId of jobs) {
      const job = await getJob(chain, jobId);
      if (job.status !== "open" || job.attempt !== 1) throw new Error(`the executor took the trap ${jobId}`);
      await clock.passTo(job.deadline + 1);
      await cancelJob(stranger, jobId);
    }
    return { gains: { griefer: 0n, executor: fee, requester: -fee }, attackers: ["griefer"], how: `${traps.length} jobs that no executor claimed; a stranger cancelled them, the fees went back` };
  },
};

export const squatter: Adversary = {
  name: "squatter",
  aim: "claims a job, never delivers, and would claim it again",
  async play(town) {
    const { digits, chain, clock } = town;
    const squatter = await town.staker("squatter");
    const jobId = await clock.hold(async () => {
      const submitted = await town.submit(digits, { deliveryWindow: 300 });
      await claimJob(squatter, submitted);
      return submitted;
    });
    const { deadline } = await getJob(chain, jobId);
    await clock.passTo(deadline + 1);
    // The honest executor reopens it.
    await until("the job is open again", async () => (await getJob(chain, jobId)).status !== "claimed" || (await getJob(chain, jobId)).executor !== squatter.address, PATIENCE_MS);
    if (!(await isBarred(chain, jobId, squatter.address))) throw new Error("the squatter may claim again");
    await town.settle(jobId);
    const penalty = penaltyOf();
    return { gains: { squatter: -penalty, requester: penalty - fee, executor: fee }, attackers: ["squatter"], how: "5 % of its collateral to the requester, and barred from the job; then delivered by the honest executor" };
  },
};
