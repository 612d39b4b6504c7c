import { stepKinds } from "../../../protocol/program/types.ts";
import { lie, seeded, type Change, type Place } from "../../e2e/support/lies.ts";
import type { Adversary } from "../support/adversary.ts";
import type { Town } from "../support/createTown.ts";
import { convicted, secondsOf } from "../support/findings.ts";
import { afterConviction, together } from "../support/payouts.ts";
import type { Subject } from "../support/subjects.ts";

/** One false element in each of these steps, each by an account of its own, all at once; every trace is served. */
async function lieInSteps(town: Town, lies: { subject: Subject; step: number; place: Place; change: Change }[]) {
  const told = [];
  for (const [i, { subject, step, place, change }] of lies.entries()) {
    const name = `liar ${i + 1}`;
    const { trace } = await lie(subject.loaded, subject.honest, { step, place, change }, subject.opened.hasher, seeded(i + 11));
    town.peer.serve(trace);
    told.push({ name, job: await town.deceive(await town.staker(name), subject, trace) });
  }
  for (const { job } of told) await convicted(town, job.id);
  await town.settle(...told.map(({ job }) => job.id));
  const endings = told.map(({ name }) => afterConviction(town.parameters, name, "watcher"));
  return { gains: together(...endings.map(({ gains }) => gains)), burnt: endings.reduce((sum, { burnt }) => sum + burnt, 0n), attackers: told.map(({ name }) => name), first: told[0]?.job.id as bigint };
}

const kindOf = (number: number): string => Object.entries(stepKinds).find(([, value]) => value === number)?.[0] ?? "unknown";

export const liar: Adversary = {
  name: "liar",
  aim: "one float of one step just beyond its bound, the trace served",
  quick: true,
  async play(town) {
    const { first, ...ending } = await lieInSteps(town, [{ subject: town.digits, step: 2, place: "random", change: "bound" }]);
    return { ...ending, how: "refuted, slashed; the job was delivered by another executor", seconds: await secondsOf(town, first, "Convicted") };
  },
};

export const liarEverywhere: Adversary = {
  name: "liar, every step",
  aim: "the same in every tensor of the digit classifier and in every kind of step",
  async play(town) {
    const places = ["first", "last", "random"] as const;
    const lies = [town.digits, town.kinds].flatMap((subject) => subject.loaded.program.steps.map((_, step) => ({ subject, step, place: places[step % 3] as Place, change: "bound" as const })));
    const { first: _, ...ending } = await lieInSteps(town, lies);
    const kinds = new Set(lies.map(({ subject, step }) => kindOf(subject.loaded.program.steps[step]?.kind ?? 0)));
    return { ...ending, how: `${lies.length} of ${lies.length} refuted (${[...kinds].sort().join(", ")})` };
  },
};

export const poisoner: Adversary = {
  name: "poisoner",
  aim: "NaN, infinity and a turned sign, which a judge might choke on",
  async play(town) {
    const subject = town.digits;
    const lies = (["nan", "infinity", "sign"] as const).flatMap((change, i) => [0, 4].map((step) => ({ subject, step: step + (i % 2), place: "random" as const, change })));
    const { first: _, ...ending } = await lieInSteps(town, lies);
    return { ...ending, how: `${lies.length} of ${lies.length} refuted` };
  },
};
