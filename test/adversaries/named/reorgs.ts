import { readJobEvents } from "../../../runtime/chain/reads/readJobEvents.ts";
import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { lie, seeded } from "../../e2e/support/lies.ts";
import { until } from "../../runtime/chain/localChain.ts";
import type { Adversary } from "../support/adversary.ts";
import { fee, PATIENCE_MS, type Town } from "../support/createTown.ts";
import { convicted, secondsOf } from "../support/findings.ts";
import { bisect, chooseTowards, inPhase } from "../support/moves.ts";
import { afterConviction } from "../support/payouts.ts";
import { honestCommitment } from "./challengers.ts";

/** Remembers the chain; what it gives replaces everything since by empty blocks, one more than there were. */
async function fork({ clock, chain }: Town): Promise<() => Promise<void>> {
  const [snapshot, from] = await clock.hold(async () => [await clock.rpc("evm_snapshot"), (await chain.head()).number] as const);
  return () =>
    clock.hold(async () => {
      const lost = (await chain.head()).number - from;
      if ((await clock.rpc("evm_revert", [snapshot])) !== true) throw new Error("the chain did not go back");
      for (let block = 0n; block <= lost; block++) {
        await clock.rpc("evm_increaseTime", [1]);
        await clock.rpc("evm_mine");
      }
    });
}

const status = async ({ chain }: Town, jobId: bigint, wanted: string): Promise<void> => until(`job ${jobId} is ${wanted}`, async () => (await getJob(chain, jobId)).status === wanted, PATIENCE_MS);

async function expectOneCommitment({ chain }: Town, jobId: bigint, attempt: number): Promise<void> {
  const made = (await readJobEvents(chain, jobId)).filter((event) => event.name === "Committed" && event.args.attempt === attempt);
  if (made.length !== 1) throw new Error(`${made.length} commitments of attempt ${attempt} of job ${jobId}`);
}

const lieIn = async ({ digits }: Town, seed: number) => (await lie(digits.loaded, digits.honest, { step: 2, place: "random", change: "bound" }, digits.opened.hasher, seeded(seed))).trace;

const lostClaim: Adversary = {
  name: "reorganisation: claim",
  aim: "the blocks with the executor's claim are replaced",
  async play(town) {
    const [jobId, replace] = await town.clock.hold(async () => [await town.submit(town.digits), await fork(town)] as const);
    await status(town, jobId, "claimed");
    await replace();
    await town.settle(jobId);
    await expectOneCommitment(town, jobId, 1);
    return { gains: { executor: fee, requester: -fee }, attackers: [], how: "claimed again, delivered, paid" };
  },
};

const lostCommitment: Adversary = {
  name: "reorganisation: commitment",
  aim: "the blocks with claim and commitment are replaced after the watcher has seen them",
  quick: true,
  async play(town) {
    const [jobId, replace] = await town.clock.hold(async () => [await town.submit(town.digits), await fork(town)] as const);
    await status(town, jobId, "committed");
    const { traceRoot } = await town.commitment(jobId);
    await until("the watcher has checked it", () => town.journal.of("watcher").some((line) => line.message === "commitment verified" && line["jobId"] === jobId.toString()), PATIENCE_MS);
    await replace();
    await town.settle(jobId);
    await expectOneCommitment(town, jobId, 1);
    if ((await getJob(town.chain, jobId)).traceRoot !== traceRoot) throw new Error("another trace was committed");
    return { gains: { executor: fee, requester: -fee }, attackers: [], how: "the same trace committed again, delivered, paid" };
  },
};

const lostOpening: Adversary = {
  name: "reorganisation: opening",
  aim: "a withheld lie; the block with the watcher's opening is replaced",
  quick: true,
  async play(town) {
    const { chain, clock, digits } = town;
    const cheater = await town.staker("cheater");
    const trace = await lieIn(town, 51);
    const before = await getDisputeCount(chain);
    const [job, replace] = await clock.hold(async () => [await town.deceive(cheater, digits, trace), await fork(town)] as const);
    const opened = (): Promise<void> => until("the watcher disputes", async () => (await getDisputeCount(chain)) > before, PATIENCE_MS);
    await opened();
    await replace();
    await opened();
    const { deadline } = await inPhase(town, before + 1n, "reveal");
    await clock.passTo(deadline + 1);
    await convicted(town, job.id);
    await town.settle(job.id);
    if ((await getDisputeCount(chain)) !== before + 1n) throw new Error("the watcher opened two disputes");
    return { ...afterConviction(town.parameters, "cheater", "watcher"), attackers: ["cheater"], how: "opened again, convicted", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};

const lostReveal: Adversary = {
  name: "reorganisation: reveal",
  aim: "an honest result is bisected; the blocks with each of the executor's moves are replaced",
  async play(town) {
    const { chain, clock, digits } = town;
    const job = await honestCommitment(town);
    const by = await town.newcomer("challenger");
    let [disputeId, replace] = await clock.hold(async () => [await bisect(town, by, job), await fork(town)] as const);
    await inPhase(town, disputeId, "choose");
    await replace();
    await inPhase(town, disputeId, "choose");
    for (;;) {
      const { phase } = await inPhase(town, disputeId, "choose", "refute");
      if (phase === "refute") break;
      replace = await clock.hold(async () => (await chooseTowards(town, by, digits, digits.honest, disputeId, 1), fork(town)));
      const { turn } = await inPhase(town, disputeId, "choose", "refute");
      await replace();
      await until("the move is made again", async () => (await getDispute(chain, disputeId)).turn >= turn, PATIENCE_MS);
    }
    await clock.passTo((await getDispute(chain, disputeId)).deadline + 1);
    await inPhase(town, disputeId, "ended");
    await town.settle(job.id);
    const { bond } = town.parameters.rules;
    return { gains: { challenger: -bond, executor: bond + fee, requester: -fee }, attackers: ["challenger"], how: "every move sent again; bond to the executor", seconds: await secondsOf(town, job.id, "Finalized") };
  },
};

const lostRefutation: Adversary = {
  name: "reorganisation: refutation",
  aim: "a served lie; the block with the conviction is replaced",
  async play(town) {
    const { chain, clock, digits } = town;
    const cheater = await town.staker("cheater");
    const trace = await lieIn(town, 52);
    town.peer.serve(trace);
    const before = await getDisputeCount(chain);
    // While time stands still the refutation has to wait, so the chain can be remembered between the two.
    const [job, replace] = await clock.hold(async () => {
      const committed = await town.deceive(cheater, digits, trace);
      await until("the watcher disputes", async () => (await getDisputeCount(chain)) > before, PATIENCE_MS);
      return [committed, await fork(town)] as const;
    });
    await convicted(town, job.id);
    await replace();
    await convicted(town, job.id);
    await town.settle(job.id);
    return { ...afterConviction(town.parameters, "cheater", "watcher"), attackers: ["cheater"], how: "refuted again from the stored witness", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};

/** A node whose last blocks are replaced: nobody attacks, but what was done is undone. */
export const reorgs: readonly Adversary[] = [lostClaim, lostCommitment, lostOpening, lostReveal, lostRefutation];
