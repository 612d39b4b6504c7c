import type { GossipsubOpts } from "@libp2p/gossipsub";
import type { Penalties } from "./createPenalties.ts";

type TopicScore = NonNullable<NonNullable<GossipsubOpts["scoreParams"]["topics"]>[string]>;

/** Decay a second that takes a counter of one to its floor of 0.1 in the given number of seconds. */
const decayOver = (seconds: number): number => 0.1 ** (1 / seconds);

/**
 * Announcements are rare and irregular, so peers are not asked for a minimum of deliveries (P3 off): silence is no fault here.
 * Invalid messages weigh as the square of their number: one costs the place in the mesh, three the right to be heard.
 */
const topicScore: TopicScore = {
  topicWeight: 1,
  timeInMeshWeight: 0.001,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 3_600,
  firstMessageDeliveriesWeight: 0.5,
  firstMessageDeliveriesDecay: decayOver(600),
  firstMessageDeliveriesCap: 10,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: -15,
  invalidMessageDeliveriesDecay: decayOver(600),
};

/**
 * Peer scoring of gossipsub 1.1 (its specification, section "Peer Scoring"): scored topics, the points of our own records as the
 * application's part, and the thresholds at which a peer is no longer gossiped with, published to, or listened to.
 */
export function peerScoring(topicNames: readonly string[], penalties: Penalties): Pick<GossipsubOpts, "scoreParams" | "scoreThresholds"> {
  return {
    scoreParams: {
      topics: Object.fromEntries(topicNames.map((name) => [name, { ...topicScore }])),
      topicScoreCap: 10,
      appSpecificScore: (peer) => -penalties.points(peer),
      appSpecificWeight: 1,
      IPColocationFactorWeight: -5,
      IPColocationFactorThreshold: 10,
      // A local network of many processes is no attack.
      IPColocationFactorWhitelist: new Set(["127.0.0.1", "::1"]),
      behaviourPenaltyWeight: -10,
      behaviourPenaltyThreshold: 6,
      behaviourPenaltyDecay: decayOver(600),
      decayInterval: 1_000,
      decayToZero: 0.1,
      retainScore: 3_600_000,
    },
    scoreThresholds: {
      gossipThreshold: -20,
      publishThreshold: -40,
      graylistThreshold: -80,
      acceptPXThreshold: 10,
      opportunisticGraftThreshold: 1,
    },
  };
}
