import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { defendDispute, isDefendersTurn } from "../../../runtime/disputes/defendDispute.ts";
import { lie, seeded } from "../../e2e/support/lies.ts";
import { until } from "../../runtime/chain/localChain.ts";
import type { Adversary } from "../support/adversary.ts";
import { fee, PATIENCE_MS } from "../support/createTown.ts";
import { secondsOf } from "../support/findings.ts";
import { bisect, chooseTowards } from "../support/moves.ts";
import { afterConviction } from "../support/payouts.ts";

export const executorCrash: Adversary = {
  name: "crash of the executor",
  aim: "SIGKILL after its claim, its commitment and each of its moves; a challenger bisects its honest result",
  async play(town) {
    const { chain, digits } = town;
    const restart = async (): Promise<void> => {
      await town.kill("executor");
      await town.start("executor");
    };
    const by = await town.newcomer("opportunist");
    const jobId = await town.submit(digits);
    await until("the job is claimed", async () => (await getJob(chain, jobId)).status === "claimed", PATIENCE_MS);
    await restart();
    await until("the result is committed", async () => (await getJob(chain, jobId)).status === "committed", PATIENCE_MS);
    await restart();
    const disputeId = await bisect(town, by, await town.commitment(jobId));
    let kills = 2;
    for (;;) {
      let dispute = await getDispute(chain, disputeId);
      await until("the executor has moved", async () => !isDefendersTurn((dispute = await getDispute(chain, disputeId))), PATIENCE_MS);
      await restart();
      kills++;
      if (dispute.phase !== "choose") break;
      await chooseTowards(town, by, digits, digits.honest, disputeId, 4);
    }
    await town.clock.passTo((await getDispute(chain, disputeId)).deadline + 1);
    await until("the dispute has ended", async () => (await getDispute(chain, disputeId)).phase === "ended", PATIENCE_MS);
    await town.settle(jobId);
    const { bond } = town.parameters.rules;
    return { gains: { opportunist: -bond, executor: bond + fee, requester: -fee }, attackers: ["opportunist"], how: `killed ${kills} times; every move made once, bond to the executor`, seconds: await secondsOf(town, jobId, "Finalized") };
  },
};

export const watcherCrash: Adversary = {
  name: "crash of the watcher",
  aim: "SIGKILL after it opened a dispute against a withheld lie and after each of its moves",
  async play(town) {
    const { chain, digits } = town;
    const cheater = await town.staker("cheater");
    const { trace } = await lie(digits.loaded, digits.honest, { step: 2, place: "random", change: "bound" }, digits.opened.hasher, seeded(41));
    const disputeId = (await getDisputeCount(chain)) + 1n;
    const job = await town.deceive(cheater, digits, trace);
    await until("the watcher has opened a dispute", async () => (await getDisputeCount(chain)) === disputeId, PATIENCE_MS);
    let kills = 0;
    for (;;) {
      await town.kill("watcher");
      kills++;
      const dispute = await getDispute(chain, disputeId);
      if (isDefendersTurn(dispute)) await defendDispute(cheater, dispute, job.digest, { trace: trace.tensors });
      await town.start("watcher");
      const { turn, phase } = await getDispute(chain, disputeId);
      if (phase === "ended") break;
      await until("the watcher has moved", async () => (await getDispute(chain, disputeId)).turn > turn || (await getDispute(chain, disputeId)).phase === "ended", PATIENCE_MS);
      if ((await getDispute(chain, disputeId)).phase === "ended") break;
    }
    await town.settle(job.id);
    if ((await getDisputeCount(chain)) !== disputeId) throw new Error("the watcher opened another dispute");
    return { ...afterConviction(town.parameters, "cheater", "watcher"), attackers: ["cheater"], how: `killed ${kills} times; one dispute, refuted, slashed`, seconds: await secondsOf(town, job.id, "Convicted") };
  },
};
