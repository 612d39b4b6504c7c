import type { Party } from "./rules/calls.ts";
import { startState, type Setting } from "./rules/state.ts";

const chunk = 1024;
/** Tensors of bytes, their last chunk a little short. */
const tensor = (chunks: number) => ({ chunks, elements: chunks * chunk - 7 });

/**
 * A job whose amounts do not divide evenly, about a program of three blocks: the first has one posted tensor whose tree takes two
 * reveals, the others an inner tensor and a posted one that is computed from it. Three posted tensors leave one leaf of padding.
 */
export const setting: Setting = {
  program: {
    trace: [tensor(17), tensor(3), tensor(1)],
    steps: [
      { defines: { source: 2, index: 0 }, block: 0, needsInner: false },
      { defines: { source: 3, index: 0 }, block: 1, needsInner: true },
      { defines: { source: 2, index: 1 }, block: 1, needsInner: true },
      { defines: { source: 3, index: 0 }, block: 2, needsInner: true },
      { defines: { source: 2, index: 2 }, block: 2, needsInner: true },
    ],
    blocks: [
      { borders: [0], inner: [] },
      { borders: [1], inner: [tensor(2)] },
      { borders: [2], inner: [tensor(1)] },
    ],
  },
  fee: 5_003n,
  collateral: 10_009n,
  rewardCap: 1_000_000n,
  claimWindow: 100,
  deliveryWindow: 50,
  challengeWindow: 40,
  lifetime: 230,
  bond: 77n,
  demandBond: 111n,
  clock: 30,
  extension: 10,
  sealAge: 3,
  maxDemands: 3,
  withdrawalDelay: 200,
  falseElements: [1],
};

export const stakes: Partial<Record<Party, bigint>> = { executor: 10_009n, second: 15_000n };

/** The game begins in second 0, this much later than the deployment. */
export const lateness = 100n;

export const beginning = startState(0, stakes);
