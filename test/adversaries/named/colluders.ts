import { concedeDispute } from "../../../runtime/chain/calls/concedeDispute.ts";
import { refute } from "../../../runtime/chain/calls/refute.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import { defendDispute } from "../../../runtime/disputes/defendDispute.ts";
import { lie, seeded } from "../../e2e/support/lies.ts";
import type { Adversary } from "../support/adversary.ts";
import { convicted, secondsOf } from "../support/findings.ts";
import { bisect, seal, witnessOf } from "../support/moves.ts";
import { afterConviction, together } from "../support/payouts.ts";
import { collateral, fee } from "../support/createTown.ts";
import { convictionOf } from "../support/payouts.ts";

const falsehood = { step: 1, place: "random", change: "bound" } as const;

export const selfChallenger: Adversary = {
  name: "self-challenger",
  aim: "executor, challenger and requester are one: it convicts its own lie before the watcher does",
  quick: true,
  async play(town) {
    const { digits, clock } = town;
    const executor = await town.staker("self executor");
    const challenger = await town.newcomer("self challenger");
    const requester = await town.newcomer("self requester");
    const { trace, element } = await lie(digits.loaded, digits.honest, falsehood, digits.opened.hasher, seeded(21));
    const jobId = await clock.hold(async () => {
      const job = await town.deceive(executor, digits, trace, {}, requester);
      const witness = witnessOf(digits, trace, falsehood.step, element);
      const { disputeId, salt } = await seal(town, challenger, job, witness);
      const { turnStart } = await getDispute(town.chain, disputeId);
      await clock.passTo(turnStart + town.parameters.rules.sealAge);
      await refute(challenger, disputeId, salt, witness);
      return job.id;
    });
    await convicted(town, jobId);
    await town.settle(jobId);
    const { reward, compensation, burnt } = convictionOf(town.parameters);
    return {
      gains: { "self executor": -collateral, "self challenger": reward, "self requester": compensation - fee, executor: fee },
      burnt,
      attackers: ["self executor", "self challenger", "self requester"],
      how: "the reward and the compensation are less than the stake: the rest is burnt",
      seconds: await secondsOf(town, jobId, "Convicted"),
    };
  },
};

export const bribed: Adversary = {
  name: "bribed watcher",
  aim: "a challenger in the liar's pay opens disputes against the lie and loses them on purpose",
  quick: true,
  async play(town) {
    const { digits, parameters, clock } = town;
    const cheater = await town.staker("cheater");
    const traitor = await town.newcomer("traitor");
    const { trace } = await lie(digits.loaded, digits.honest, falsehood, digits.opened.hasher, seeded(22));
    // Before any honest watcher looks: a bisection given up at its first choice, and a seal of nothing.
    const job = await clock.hold(async () => {
      const committed = await town.deceive(cheater, digits, trace);
      const disputeId = await bisect(town, traitor, committed);
      await defendDispute(cheater, await getDispute(town.chain, disputeId), committed.digest, { trace: trace.tensors });
      await concedeDispute(traitor, disputeId, 1, committed.digest);
      const { disputeId: empty } = await seal(town, traitor, committed, witnessOf(digits, digits.honest, 0, 0));
      await concedeDispute(traitor, empty, 0, committed.digest);
      return committed;
    });
    town.peer.serve(trace);
    await convicted(town, job.id);
    await town.settle(job.id);
    const { bond } = parameters.rules;
    const end = afterConviction(parameters, "cheater", "watcher");
    return { gains: together(end.gains, { cheater: 2n * bond, traitor: -2n * bond }), burnt: end.burnt, attackers: ["cheater", "traitor"], how: "the honest watcher's dispute stood beside: refuted, slashed", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};
