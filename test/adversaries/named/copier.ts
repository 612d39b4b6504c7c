import { toFunctionSelector, type AbiFunction, type Hex } from "viem";
import { jobsAbi } from "../../../runtime/chain/abis.ts";
import { closeDispute } from "../../../runtime/chain/calls/closeDispute.ts";
import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { lie, seeded } from "../../e2e/support/lies.ts";
import { until } from "../../runtime/chain/localChain.ts";
import type { Adversary } from "../support/adversary.ts";
import { fee, PATIENCE_MS, type Town } from "../support/createTown.ts";
import { convicted, secondsOf } from "../support/findings.ts";
import { bisect } from "../support/moves.ts";
import { afterConviction, together } from "../support/payouts.ts";
import { honestCommitment } from "./challengers.ts";

interface Waiting {
  from: Hex;
  to: Hex;
  input: Hex;
  value: Hex;
  gas: Hex;
  maxFeePerGas: Hex;
  maxPriorityFeePerGas: Hex;
}

const unfoldSelector = toFunctionSelector(jobsAbi.find((item) => item.type === "function" && item.name === "unfold") as AbiFunction);

/** Waits for the next transaction of `victim` in the pool, and sends these changed copies of it with a higher tip; then mines them all. */
async function copyNext(town: Town, victim: string, mine: () => Promise<void>, ...changes: ((input: Hex) => Hex)[]): Promise<Hex[]> {
  const { clock, chain, parties, keys } = town;
  const copier = keys["copier"];
  if (copier === undefined) throw new Error("there is no copier");
  let seen: Waiting | undefined;
  const look = async (): Promise<boolean> => {
    const pool = (await clock.rpc("eth_pendingTransactions")) as Waiting[];
    seen = pool.find(({ from }) => from.toLowerCase() === parties[victim]?.toLowerCase());
    if (seen?.input.startsWith(unfoldSelector) !== true) return seen !== undefined;
    // Whoever unfolds a commitment earns nothing by it, and a copy of it does nothing.
    await mine();
    return false;
  };
  await until(`${victim} sends something`, look, PATIENCE_MS);
  const { to, input, value, gas, maxFeePerGas, maxPriorityFeePerGas } = seen as unknown as Waiting;
  const nonce = await chain.client.getTransactionCount({ address: copier.address });
  const hashes: Hex[] = [];
  for (const [i, change] of changes.entries()) {
    const tip = 3n * BigInt(maxPriorityFeePerGas) + 10n ** 9n;
    const transaction = { type: "eip1559", chainId: chain.deployment.chainId, to, data: change(input), value: BigInt(value), gas: BigInt(gas) + 200_000n, nonce: nonce + i, maxFeePerGas: BigInt(maxFeePerGas) + tip, maxPriorityFeePerGas: tip } as const;
    hashes.push(await chain.client.sendRawTransaction({ serializedTransaction: await copier.signTransaction(transaction) }));
  }
  await mine();
  return hashes;
}

const same = (input: Hex): Hex => input;
/** The call of the same function with another number as its first argument. */
const about = (id: bigint) => (input: Hex): Hex => `${input.slice(0, 10)}${id.toString(16).padStart(64, "0")}${input.slice(74)}` as Hex;

async function outcomes({ chain }: Town, hashes: readonly Hex[]): Promise<string[]> {
  return Promise.all(hashes.map(async (hash) => (await chain.client.getTransactionReceipt({ hash })).status));
}

function expectOutcomes(actual: readonly string[], expected: readonly string[], what: string): void {
  if (actual.join() !== expected.join()) throw new Error(`${what}: ${actual.join()} instead of ${expected.join()}`);
}

export const copier: Adversary = {
  name: "mempool copier",
  aim: "sees every transaction before it is mined and sends its own copy with a higher tip: the opening, the refutation, a defender's move",
  quick: true,
  async play(town) {
    const { digits, clock, chain, parameters } = town;
    const me = await town.newcomer("copier");
    const honest = await honestCommitment(town);
    const cheater = await town.staker("cheater");
    const { trace } = await lie(digits.loaded, digits.honest, { step: 2, place: "last", change: "bound" }, digits.opened.hasher, seeded(31));
    town.peer.serve(trace);
    const before = await getDisputeCount(chain);

    const job = await clock.withPool(async (mine) => {
      await clock.rpc("evm_setAutomine", [true]);
      const committed = await town.deceive(cheater, digits, trace);
      await clock.rpc("evm_setAutomine", [false]);
      // The copy of the opening is mined first: it has the first number, and the watcher's the second.
      expectOutcomes(await outcomes(town, await copyNext(town, "watcher", mine, same)), ["success"], "the copied opening");
      const [copy, original] = [before + 1n, before + 2n];
      if ((await getDispute(chain, copy)).challenger !== me.address) throw new Error("the copy was not first");
      await clock.rpc("evm_increaseTime", [parameters.rules.sealAge + 1]);
      await mine();
      // The watcher's dispute is not the copier's, and the copier's seal binds the watcher's address.
      expectOutcomes(await outcomes(town, await copyNext(town, "watcher", mine, about(original), about(copy))), ["reverted", "reverted"], "the copied refutation");
      return committed;
    });
    await convicted(town, job.id);
    await closeDispute(me, before + 1n);

    // A copied move of the defender makes that very move: the executor's own is too late, which is no loss to it.
    const disputeId = await bisect(town, me, honest);
    await clock.withPool(async (mine) => {
      const { turn } = await getDispute(chain, disputeId);
      if (turn === 0) await copyNext(town, "executor", mine, same);
    });
    const { deadline } = await getDispute(chain, disputeId);
    await clock.passTo(deadline + 1);
    await until("the executor ends the dispute", async () => (await getDispute(chain, disputeId)).phase === "ended", PATIENCE_MS);
    await town.settle(honest.id, job.id);
    const { bond } = parameters.rules;
    const end = afterConviction(parameters, "cheater", "watcher");
    return { gains: together(end.gains, { copier: -bond, executor: bond + fee, requester: -fee }), burnt: end.burnt, attackers: ["copier", "cheater"], how: "the copies revert or make the victim's own move; the reward is the watcher's", seconds: await secondsOf(town, job.id, "Convicted") };
  },
};
