import { demandElement, demandNextElement } from "../../../runtime/chain/calls/demandElement.ts";
import { refute } from "../../../runtime/chain/calls/refute.ts";
import { isRevert } from "../../../runtime/chain/revertError.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import { unfoldCommitment } from "../../../runtime/chain/calls/unfoldCommitment.ts";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import type { Committed } from "../../e2e/support/players.ts";
import { until } from "../../runtime/chain/localChain.ts";
import type { Adversary } from "../support/adversary.ts";
import { PATIENCE_MS, fee, type Town } from "../support/createTown.ts";
import { secondsOf } from "../support/findings.ts";
import { bisect, chooseTowards, demandOf, inPhase, runOut, seal, witnessOf } from "../support/moves.ts";

/** A job that the honest executor has committed to and the watcher found right. */
export async function honestCommitment(town: Town): Promise<Committed> {
  const jobId = await town.submit(town.digits);
  const line = (daemon: string, message: string): boolean => town.journal.of(daemon).some((one) => one.message === message && one["jobId"] === jobId.toString());
  await until("the honest result is committed", () => line("executor", "result committed"), PATIENCE_MS);
  await until("the watcher has checked it", () => line("watcher", "commitment verified"), PATIENCE_MS);
  return town.commitment(jobId);
}

/** Plays a bisection of an honest result down to a chunk, where nothing is left to say. */
async function toTheEnd(town: Town, by: Sender, disputeId: bigint, tensor: number): Promise<void> {
  for (;;) {
    const { phase } = await inPhase(town, disputeId, "choose", "refute");
    if (phase === "refute") return;
    await chooseTowards(town, by, town.digits, town.digits.honest, disputeId, tensor);
  }
}

export const exhaustive: Adversary = {
  name: "exhaustive challenger",
  aim: "against an honest result: a sealed witness of each step, a bisection to each tensor, a walk of demands",
  async play(town) {
    const { digits, chain, parameters } = town;
    const job = await honestCommitment(town);
    const by = await town.newcomer("challenger");
    const { steps, trace } = digits.loaded.program;
    const disputes: bigint[] = [];
    for (const step of steps.keys()) {
      const witness = witnessOf(digits, digits.honest, step, 0);
      const { disputeId, salt } = await seal(town, by, job, witness);
      await until("the seal has its age", async () => (await town.clock.now()) > (await getDispute(chain, disputeId)).turnStart + parameters.rules.sealAge);
      const refused: unknown = await refute(by, disputeId, salt, witness).catch((error: unknown) => error);
      if (!isRevert(refused, "WitnessSound")) throw new Error("the judge called an honest element fraud");
      disputes.push(disputeId);
    }
    for (const tensor of trace.keys()) {
      const disputeId = await bisect(town, by, job);
      disputes.push(disputeId);
      await toTheEnd(town, by, disputeId, tensor);
    }
    const { bond, demandBond } = parameters.rules;
    const { disputeId } = await demandElement(by, { jobId: job.id, digest: job.digest, bond: demandBond }, demandOf(digits, 0, 0));
    for (const step of [...steps.keys()].slice(1)) {
      const { turn } = await inPhase(town, disputeId, "demand");
      await demandNextElement(by, disputeId, turn, { digest: job.digest, bond: demandBond }, demandOf(digits, step, 0));
    }
    await inPhase(town, disputeId, "demand");
    disputes.push(disputeId);
    for (const one of disputes) await runOut(town, by, one);
    await town.settle(job.id);
    const lost = BigInt(steps.length + trace.length) * bond + BigInt(steps.length) * demandBond;
    return {
      gains: { challenger: -lost, executor: lost + fee, requester: -fee },
      attackers: ["challenger"],
      how: `${disputes.length} disputes lost, every bond to the executor`,
      seconds: await secondsOf(town, job.id, "Finalized"),
    };
  },
};

const SYBILS = 32;

export const swarm: Adversary = {
  name: "sybil swarm",
  aim: `${SYBILS} accounts bisect one honest result at once`,
  async play(town) {
    const job = await honestCommitment(town);
    const names = Array.from({ length: SYBILS }, (_, i) => `sybil ${i + 1}`);
    const sybils = await Promise.all(names.map((name) => town.newcomer(name)));
    const disputes = await Promise.all(sybils.map((by) => bisect(town, by, job)));
    for (const disputeId of disputes) await inPhase(town, disputeId, "choose");
    const last = Math.max(...(await Promise.all(disputes.map(async (id) => (await getDispute(town.chain, id)).deadline))));
    await town.clock.passTo(last + 1);
    for (const disputeId of disputes) await inPhase(town, disputeId, "ended");
    await town.settle(job.id);
    const { bond } = town.parameters.rules;
    return {
      gains: { ...Object.fromEntries(names.map((name) => [name, -bond])), executor: BigInt(SYBILS) * bond + fee, requester: -fee },
      attackers: names,
      how: "all answered in time, every bond to the executor",
      seconds: await secondsOf(town, job.id, "Finalized"),
    };
  },
};

export const lastSecond: Adversary = {
  name: "last-second mover",
  aim: "against an honest result: opens in the last second of the window, makes each move in its last second",
  quick: true,
  async play(town) {
    const job = await honestCommitment(town);
    const by = await town.newcomer("late");
    const { clock, chain, parameters } = town;
    await unfoldCommitment(by, job.id);
    const disputeId = await clock.at(job.deadline, () => bisect(town, by, job));
    const opened = await getDispute(chain, disputeId);
    if (opened.turnStart !== job.deadline) throw new Error("the dispute was not opened in the last second");
    for (;;) {
      const dispute = await inPhase(town, disputeId, "choose", "refute");
      if (dispute.phase === "refute") break;
      const spare = Math.min(120, Math.floor((dispute.deadline - dispute.turnStart) / 2));
      await clock.at(dispute.deadline - spare, () => chooseTowards(town, by, town.digits, town.digits.honest, disputeId, 1));
    }
    // The executor ends it by itself, without anybody's help.
    const { deadline } = await getDispute(chain, disputeId);
    await clock.passTo(deadline + 1);
    await inPhase(town, disputeId, "ended");
    await town.settle(job.id);
    const seconds = await secondsOf(town, job.id, "Finalized");
    const bound = job.challengeWindow + parameters.maxDisputeDuration;
    if (seconds > bound + 60) throw new Error(`the job was held for ${seconds} s`);
    const { bond } = parameters.rules;
    return { gains: { late: -bond, executor: bond + fee, requester: -fee }, attackers: ["late"], how: `finality later, within the bound of ${bound} s; bond to the executor`, seconds };
  },
};

export const ambusher: Adversary = {
  name: "ambusher",
  aim: "bisects an honest result while its executor is down",
  async play(town) {
    const job = await honestCommitment(town);
    await town.kill("executor");
    const by = await town.newcomer("ambusher");
    const disputeId = await bisect(town, by, job);
    // The watcher, which found the same floats, defends when half of the clock is gone.
    for (;;) {
      const dispute = await getDispute(town.chain, disputeId);
      if (dispute.phase === "refute") break;
      if (dispute.phase === "choose") await chooseTowards(town, by, town.digits, town.digits.honest, disputeId, 2);
      else {
        await town.clock.passTo(Math.ceil((dispute.turnStart + dispute.deadline) / 2) + 1);
        await until("somebody defends", async () => (await getDispute(town.chain, disputeId)).turn > dispute.turn, PATIENCE_MS);
      }
    }
    await runOut(town, by, disputeId);
    await town.start("executor");
    await town.settle(job.id);
    const { bond } = town.parameters.rules;
    return { gains: { ambusher: -bond, executor: bond + fee, requester: -fee }, attackers: ["ambusher"], how: "defended by the watcher, which paid the gas; bond to the executor", seconds: await secondsOf(town, job.id, "Finalized") };
  },
};

