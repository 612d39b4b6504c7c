import type { Adversary } from "./support/adversary.ts";
import { ambusher, exhaustive, lastSecond, swarm } from "./named/challengers.ts";
import { bribed, selfChallenger } from "./named/colluders.ts";
import { copier } from "./named/copier.ts";
import { executorCrash, watcherCrash } from "./named/crasher.ts";
import { liar, liarEverywhere, poisoner } from "./named/liar.ts";
import { reorgs } from "./named/reorgs.ts";
import { griefer, squatter } from "./named/requesters.ts";
import { mute, slowRoller, withholder } from "./named/withholder.ts";

/** All of them, in the order in which they are played. */
export const adversaries: readonly Adversary[] = [liar, liarEverywhere, poisoner, withholder, mute, slowRoller, exhaustive, swarm, lastSecond, ambusher, selfChallenger, bribed, copier, griefer, squatter, executorCrash, watcherCrash, ...reorgs];
