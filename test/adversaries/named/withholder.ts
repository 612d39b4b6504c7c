import { getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { defendDispute } from "../../../runtime/disputes/defendDispute.ts";
import { until } from "../../runtime/chain/localChain.ts";
import { lie, seeded } from "../../e2e/support/lies.ts";
import type { Adversary } from "../support/adversary.ts";
import { PATIENCE_MS, type Town } from "../support/createTown.ts";
import { convicted, secondsOf } from "../support/findings.ts";
import { inPhase } from "../support/moves.ts";
import { afterConviction } from "../support/payouts.ts";

/** A lie that is served to nobody; resolves to the dispute that the watcher opens. */
async function withheldLie(town: Town, name: string) {
  const { digits } = town;
  const cheater = await town.staker(name);
  const { trace } = await lie(digits.loaded, digits.honest, { step: 3, place: "random", change: "bound" }, digits.opened.hasher, seeded(5));
  const before = await getDisputeCount(town.chain);
  const job = await town.deceive(cheater, digits, trace);
  await until("the watcher disputes", async () => (await getDisputeCount(town.chain)) > before, PATIENCE_MS);
  return { cheater, trace, job, disputeId: before + 1n };
}

export const withholder: Adversary = {
  name: "withholder",
  aim: "a lie, nothing served to anybody, every move of the bisection answered",
  quick: true,
  async play(town) {
    const { cheater, trace, job, disputeId } = await withheldLie(town, "withholder");
    for (;;) {
      const dispute = await inPhase(town, disputeId, "reveal", "revealChunk", "refute", "ended");
      if (dispute.phase !== "reveal" && dispute.phase !== "revealChunk") break;
      await defendDispute(cheater, dispute, job.digest, { trace: trace.tensors });
    }
    await convicted(town, job.id);
    await town.settle(job.id);
    return { ...afterConviction(town.parameters, "withholder", "watcher"), attackers: ["withholder"], how: "bisected to the element, refuted, slashed", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};

export const mute: Adversary = {
  name: "mute withholder",
  aim: "a lie, nothing served, no move made",
  async play(town) {
    const { job, disputeId } = await withheldLie(town, "mute");
    const { deadline } = await inPhase(town, disputeId, "reveal");
    await town.clock.passTo(deadline + 1);
    await convicted(town, job.id);
    await town.settle(job.id);
    return { ...afterConviction(town.parameters, "mute", "watcher"), attackers: ["mute"], how: "its clock ran out, slashed", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};

export const slowRoller: Adversary = {
  name: "slow-roller",
  aim: "a lie, and as a defender every second of its clock and of the extension",
  async play(town) {
    const { cheater, trace, job, disputeId } = await withheldLie(town, "slow-roller");
    for (let moves = 0; ; moves++) {
      const dispute = await inPhase(town, disputeId, "reveal", "revealChunk", "refute", "ended");
      if (dispute.phase !== "reveal" && dispute.phase !== "revealChunk") break;
      // The moves before the extension share one clock: the first takes nearly all of it, the others what is left.
      const spare = dispute.phase === "revealChunk" ? 0 : Math.min(20, Math.floor((dispute.deadline - dispute.turnStart) / 2));
      await town.clock.at(dispute.deadline - spare, () => defendDispute(cheater, dispute, job.digest, { trace: trace.tensors }));
    }
    await convicted(town, job.id);
    await town.settle(job.id);
    const seconds = await secondsOf(town, job.id, "Convicted");
    const bound = job.challengeWindow + town.parameters.maxDisputeDuration;
    if (seconds > bound) throw new Error(`the slow-roller held the job for ${seconds} s, more than ${bound} s`);
    return { ...afterConviction(town.parameters, "slow-roller", "watcher"), attackers: ["slow-roller"], how: `slashed within the bound of ${bound} s`, seconds };
  },
};
